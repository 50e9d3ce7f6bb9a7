//go:build linux

package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gchamon/devops-challenge/tools/internal/freeport"
	"github.com/gchamon/devops-challenge/tools/internal/server"
	"github.com/gchamon/devops-challenge/tools/internal/siege"
)

const (
	whyPut = "In a profile of 1 December 2026 a PUT over 1,000 lists spent 23 % of its CPU time on files in the kernel calls that replace the file " +
		"(sync 10 %, sync of the directory 7 %, exchange 4 %, opening and lease 2 %), which the predecessor does mostly without; " +
		"on bolt, in a profile of 23 November, the commit took 18 %, the garbage collector 17 %."
	whyGet = "In a profile of 30 November 2026 a GET spent 25 % of its CPU time in the kernel's calls to read and write, 14 % on the line of the access log, 8 % on reading the list " +
		"from memory and 4 % on encoding the headers; most of the rest is fasthttp's, fiber's and the scheduler's."
	whyHot = "In a profile of 1 December 2026, on a busy machine, a PUT to one hot list spent 19 % of its CPU time writing the file, 14 % in the commit before that, 9 % decoding the request, " +
		"9 % sending the answer, 7 % on the metrics and the line of the access log and 4 % collecting garbage."
	whyS3 = "In a profile of 29 November 2026 a read that S3 answers with 304 took 111 µs of CPU time, 48 % of it in the SDK: 481 allocations over some fifty steps of middleware, " +
		"of which one stood out: resolving the endpoint made stacks grow, and on 1 December its answer was kept (0.75 of the CPU time). checksums=when_required saved 23 allocations and no CPU time that could be told from noise, so that the checks stay on. The rest is net/http and the kernel."
	whyPatch = "In a profile of 29 November 2026 a PATCH in a list of 5,000 items spent 43 % of its CPU time in the file store (writing and syncing 33 %, SHA-256 6 %) " +
		"and 24 % encoding: each grows with the list, because a document is written whole."
	whyMemory = "What an idle server holds beyond its own memory are pages of the program's file, which the kernel may drop."
)

var rows = []row{
	{name: "get-local", title: "GET a list, disk or memory", run: getLocal, why: whyGet},
	{name: "put-spread", title: "PUT a list durably, over 1,000 lists", run: putSpread, why: whyPut},
	{name: "put-hot", title: "PUT a list durably, one hot list", run: putHot, why: whyHot},
	{name: "mixed", title: "9 GET to 1 PUT over 1,000 lists, disk", run: mixed, why: whyPut},
	{name: "get-s3", title: "GET a list from S3, linearizable", run: getS3, why: whyS3},
	{name: "put-s3", title: "PUT a list to S3, over 1,000 lists", run: putS3, why: whyS3},
	{name: "hot-s3", title: "64 writers on one list on S3", run: func(b *bench) []metric { return hot(b, 2*time.Second, 0, 0, 100) }},
	{name: "hot-s3-slow", title: "the same with 25 ms a PUT and 12 ms a GET", run: func(b *bench) []metric {
		return hot(b, 3*time.Second, 25*time.Millisecond, 12*time.Millisecond, 10)
	}},
	{name: "instances", title: "64 writers an instance on one list, 40 ms a call to S3", run: instances},
	{name: "events", title: "5,000 idle event streams", run: events},
	{name: "watchers", title: "1,000 watchers of a list of 1 MB", run: watchers},
	{name: "hostile", title: "a client beside hostile ones", run: hostile},
	{name: "across", title: "a change at one server, seen at another one", run: across},
	{name: "memory", title: "memory, 1,000 lists", run: memory, why: whyMemory},
	{name: "start", title: "start to the first 200", run: start},
	{name: "size", title: "binary and image", run: size},
	{name: "growth-items", title: "CPU time of a change by items in its list", run: growthItems},
	{name: "patch-size", title: "a change of one item in the largest list", run: patchSizes, why: whyPatch},
	{name: "growth-lists", title: "time of a PUT by lists in the directory", run: growthLists},
}

const manyLists = 1000

// local holds the servers whose lists are on this machine's disk.
type local struct {
	dir                     string // of the predecessor
	predecessor, file, bolt *process
}

// startLocal starts the servers on directories with equal lists.
func (b *bench) startLocal(lists int) local {
	l := local{dir: b.seeded(lists, listItems)}
	l.predecessor = b.start(b.predecessorCommand("LISTS_DIR=" + l.dir))
	l.file = b.startAPI("file://" + b.seeded(lists, listItems))
	l.bolt = b.startAPI("bolt://" + filepath.Join(b.TempDir(), "lists.db"))
	b.putAll(l.file, lists)
	b.putAll(l.bolt, lists)
	return l
}

// contestants returns the servers, all with the same kind of clients.
func (l local) contestants(clients func(p *process) func() []client) []contestant {
	return []contestant{
		{name: "predecessor", server: l.predecessor, clients: clients(l.predecessor)},
		{name: "API file", server: l.file, clients: clients(l.file)},
		{name: "API bolt", server: l.bolt, clients: clients(l.bolt)},
	}
}

func getLocal(b *bench) []metric {
	l := b.startLocal(manyLists)
	mem, nginx, pocketbase := b.startAPI("mem:"), b.startNginx(l.dir), b.startPocketBase("NORMAL")
	b.putAll(mem, manyLists)
	records := make([]string, manyLists)
	for i := range records {
		var record struct{ ID string }
		b.call(pocketbase, http.MethodPost, pocketBaseRecords, pocketBaseBody(list(listItems)), &record)
		records[i] = pocketBaseRecords + "/" + record.ID
	}
	reads := func(p *process) func() []client { return b.reads(p, statePaths(manyLists)) }
	got := b.contest(time.Second, append(l.contestants(reads),
		contestant{name: "API mem", server: mem, clients: reads(mem)},
		contestant{name: "nginx static", server: nginx, clients: b.reads(nginx, names(manyLists, "/%s.json"))},
		contestant{name: "PocketBase", server: pocketbase, clients: b.reads(pocketbase, records)},
	)...)
	return []metric{
		got.ratio("rate, file, to the predecessor", "API file", "predecessor", tally.rate, atLeast(20)),
		got.ratio("rate, memory, to the predecessor", "API mem", "predecessor", tally.rate, atLeast(20)),
		got.ratio("rate, bolt, to the predecessor", "API bolt", "predecessor", tally.rate, open),
		got.ratio("rate, nginx static, to the predecessor", "nginx static", "predecessor", tally.rate, open),
		got.ratio("rate, PocketBase, to the predecessor", "PocketBase", "predecessor", tally.rate, open),
		got.ratio("rate, file, to nginx static", "API file", "nginx static", tally.rate, atLeast(0.9)),
		got.ratio("rate, memory, to nginx static", "API mem", "nginx static", tally.rate, atLeast(0.9)),
		got.each("CPU a request, file", "API file", micros, tally.micros, atMost(11)),
		got.each("CPU a request, nginx static", "nginx static", micros, tally.micros, open),
		// The goal of 11 µs is for a machine where nginx takes 9.2 µs.
		got.ratio("CPU a request, file, to nginx static", "API file", "nginx static", tally.micros, atMost(11/9.2)),
		got.each("CPU a request, predecessor", "predecessor", micros, tally.micros, open),
		got.ratio("99th percentile, file, to the predecessor", "API file", "predecessor", tally.p99Millis, atMost(1./3)),
	}
}

func putSpread(b *bench) []metric {
	l, lax, durable := b.startLocal(manyLists), b.startPocketBase("NORMAL"), b.startPocketBase("FULL")
	create := func(p *process) func() []client {
		return b.send(p, p.requests(http.MethodPost, []string{pocketBaseRecords}, pocketBaseBody(list(listItems))))
	}
	got := b.contest(1500*time.Millisecond, append(
		l.contestants(func(p *process) func() []client { return b.writes(p, statePaths(manyLists)) }),
		contestant{name: "PocketBase", server: lax, clients: create(lax)},
		contestant{name: "PocketBase, durable", server: durable, clients: create(durable)},
	)...)
	return []metric{
		got.ratio("rate, file, to the predecessor (which does not sync)", "API file", "predecessor", tally.rate, atLeast(4.6)),
		got.ratio("rate, bolt, to the predecessor (which does not sync)", "API bolt", "predecessor", tally.rate, atLeast(15)),
		got.ratio("rate, PocketBase create, to the predecessor", "PocketBase", "predecessor", tally.rate, open),
		got.ratio("rate, durable PocketBase create, to the predecessor", "PocketBase, durable", "predecessor", tally.rate, open),
		got.ratio("rate, file, to durable PocketBase create", "API file", "PocketBase, durable", tally.rate, atLeast(1)),
		got.ratio("rate, bolt, to durable PocketBase create", "API bolt", "PocketBase, durable", tally.rate, open),
		got.each("CPU a request, file", "API file", micros, tally.micros, open),
		got.each("CPU a request, bolt", "API bolt", micros, tally.micros, open),
		got.each("CPU a request, predecessor", "predecessor", micros, tally.micros, open),
		got.ratio("99th percentile, file, to the predecessor", "API file", "predecessor", tally.p99Millis, atMost(.25)),
		got.ratio("99th percentile, bolt, to the predecessor", "API bolt", "predecessor", tally.p99Millis, atMost(.25)),
	}
}

func putHot(b *bench) []metric {
	got := b.contest(1500*time.Millisecond, b.startLocal(1).contestants(func(p *process) func() []client { return b.writes(p, statePaths(1)) })...)
	return []metric{
		got.ratio("rate, file, to the predecessor (which does not sync)", "API file", "predecessor", tally.rate, atLeast(10)),
		got.ratio("rate, bolt, to the predecessor (which does not sync)", "API bolt", "predecessor", tally.rate, open),
		got.each("CPU a request, file", "API file", micros, tally.micros, open),
		got.each("CPU a request, predecessor", "predecessor", micros, tally.micros, open),
		got.ratio("99th percentile, file, to the predecessor", "API file", "predecessor", tally.p99Millis, atMost(.25)),
	}
}

func mixed(b *bench) []metric {
	got := b.contest(1500*time.Millisecond, b.startLocal(manyLists).contestants(func(p *process) func() []client { return b.mixed(p, statePaths(manyLists)) })...)
	return []metric{
		got.ratio("rate of 2xx, file, to the predecessor", "API file", "predecessor", tally.rate, atLeast(15)),
		got.ratio("rate of 2xx, bolt, to the predecessor", "API bolt", "predecessor", tally.rate, open),
		got.each("answers other than 2xx, file", "API file", plain, tally.failures, atMost(0)),
		got.each("answers other than 2xx, bolt", "API bolt", plain, tally.failures, atMost(0)),
		got.each("answers other than 2xx, predecessor", "predecessor", plain, tally.failures, open),
	}
}

// startRemote starts the predecessor, the predecessor with one S3 client for each
// worker, and the API, each on a bucket of its own with equal lists.
func (b *bench) startRemote(lists int) (predecessor, hoisted, api *process) {
	s := b.startBuckets()
	for _, name := range []string{"predecessor", "hoisted", "api"} {
		b.bucket(s, name, lists)
	}
	predecessor = b.start(b.predecessorCommand("STORAGE_BUCKET=predecessor", "S3_ENDPOINT="+s.URL))
	hoisted = b.start(b.predecessorCommand("STORAGE_BUCKET=hoisted", "S3_ENDPOINT="+s.URL, "HOIST=1"))
	api = b.startAPI(storeURL("api", s.URL))
	b.putAll(api, lists)
	return predecessor, hoisted, api
}

func getS3(b *bench) []metric {
	predecessor, hoisted, api := b.startRemote(connections)
	paths := statePaths(connections)
	got := b.contest(1500*time.Millisecond,
		contestant{name: "predecessor", server: predecessor, clients: b.readsOwn(predecessor, paths)},
		contestant{name: "predecessor, one client", server: hoisted, clients: b.readsOwn(hoisted, paths)},
		contestant{name: "API, a list each", server: api, clients: b.readsOwn(api, paths)},
		contestant{name: "API, one list", server: api, clients: b.readsOwn(api, paths[:1])},
	)
	return []metric{
		got.ratio("rate, 64 readers of a list each, to the predecessor", "API, a list each", "predecessor", tally.rate, atLeast(40)),
		got.ratio("rate, 64 readers of one list, to the predecessor", "API, one list", "predecessor", tally.rate, atLeast(300)),
		got.ratio("rate, predecessor with one client a worker, to itself", "predecessor, one client", "predecessor", tally.rate, open),
		got.each("CPU a request, a list each", "API, a list each", micros, tally.micros, open),
		got.each("CPU a request, one list", "API, one list", micros, tally.micros, open),
		got.ratio("99th percentile, a list each, to the predecessor", "API, a list each", "predecessor", tally.p99Millis, atMost(1./3)),
	}
}

func putS3(b *bench) []metric {
	predecessor, hoisted, api := b.startRemote(manyLists)
	paths := statePaths(manyLists)
	got := b.contest(1500*time.Millisecond,
		contestant{name: "predecessor", server: predecessor, clients: b.writes(predecessor, paths)},
		contestant{name: "predecessor, one client", server: hoisted, clients: b.writes(hoisted, paths)},
		contestant{name: "API", server: api, clients: b.writes(api, paths)},
	)
	return []metric{
		got.ratio("rate, to the predecessor (which loses updates)", "API", "predecessor", tally.rate, atLeast(15)),
		got.ratio("rate, predecessor with one client a worker, to itself", "predecessor, one client", "predecessor", tally.rate, open),
		got.each("CPU a request", "API", micros, tally.micros, open),
		got.ratio("99th percentile, to the predecessor", "API", "predecessor", tally.p99Millis, atMost(.25)),
	}
}

// hot measures 64 writers on one list, each with an item of its own, through the
// API and with naive clients.
func hot(b *bench, turn, put, get time.Duration, bound float64) []metric {
	s := b.startBuckets()
	b.bucket(s, "api", 1)
	b.bucket(s, "naive", 1)
	endpoint := s.URL
	if put > 0 {
		endpoint = b.slowed(s, put, get)
	}
	api := b.startAPI(storeURL("api", endpoint))
	ids := b.fill(api, "hot", list(connections))
	naives, naivePuts := b.naives(s3Client(endpoint), "naive", listName(0))
	// A list that one server writes has a revision for each PUT.
	revision := func() (n float64) {
		_, err := fmt.Sscanf(b.call(api, http.MethodGet, "/api/lists/hot/todos", nil, nil).Get("ETag"), `"%f`, &n)
		b.check(err)
		return n
	}
	got := b.contest(turn,
		contestant{name: "API", server: api, clients: b.edits([]*process{api}, "hot", ids), count: revision},
		contestant{name: "compare-and-swap a request", clients: naives, count: naivePuts},
	)
	return []metric{
		got.ratio("rate, to compare-and-swap a request", "API", "compare-and-swap a request", tally.rate, atLeast(bound)),
		got.each("operations a PUT, API", "API", plain, func(t tally) float64 { return float64(t.requests) / t.amount }, open),
		got.each("PUTs an operation, compare-and-swap a request", "compare-and-swap a request", plain, func(t tally) float64 { return t.amount / float64(t.requests) }, open),
		got.each("99th percentile, API", "API", millis, tally.p99Millis, open),
		got.each("answers other than 2xx, API", "API", plain, tally.failures, atMost(0)),
	}
}

func instances(b *bench) []metric {
	s := b.startBuckets()
	endpoint := b.slowed(s, 40*time.Millisecond, 40*time.Millisecond)
	var contestants []contestant
	for i, name := range []string{"one instance", "two instances", "three instances"} {
		bucket := fmt.Sprintf("shared-by-%d", i+1)
		b.bucket(s, bucket, 0)
		var servers []*process
		for range i + 1 {
			servers = append(servers, b.startAPI(storeURL(bucket, endpoint)))
		}
		contestants = append(contestants, contestant{name: name, clients: b.edits(servers, "hot", b.fill(servers[0], "hot", list(connections)))})
	}
	got := b.contest(4*time.Second, contestants...)
	failed := metric{What: "answers other than 2xx", goal: atMost(0)}
	for name := range got {
		failed.samples = append(failed.samples, got.each("", name, plain, tally.failures, open).samples...)
	}
	return []metric{
		got.each("99th percentile, one instance", "one instance", millis, tally.p99Millis, open),
		got.each("99th percentile, two instances", "two instances", millis, tally.p99Millis, atMost(500)),
		got.each("99th percentile, three instances", "three instances", millis, tally.p99Millis, atMost(1000)),
		got.ratio("rate, two instances, to one", "two instances", "one instance", tally.rate, atLeast(.75)),
		got.ratio("rate, three instances, to one", "three instances", "one instance", tally.rate, atLeast(.75)),
		failed,
	}
}

// perRound measures the metrics once a round. measure returns a sample of each.
func (b *bench) perRound(metrics []metric, measure func() []float64) []metric {
	for round := range b.rounds {
		said := ""
		for i, sample := range measure() {
			metrics[i].samples = append(metrics[i].samples, sample)
			said += "  " + metrics[i].unit.format(sample)
		}
		b.progress(round+1, "%s", said)
	}
	return metrics
}

func (b *bench) memoryOf(p *process) float64 {
	n, err := p.memory()
	b.check(err)
	return n
}

func events(b *bench) []metric {
	const clients = 5000
	return b.perRound([]metric{
		{What: "memory a stream", unit: kilos, goal: atMost(21)},
		{What: "the same, the further goal", unit: kilos, goal: atMost(12)},
		{What: "time until the last one has an event", unit: millis, goal: atMost(500)},
	}, func() []float64 {
		api := b.startAPI("file://" + b.TempDir())
		defer api.Kill()
		ids := b.fill(api, "crowd", list(listItems))
		before := b.memoryOf(api)
		s := b.openStreams(api, "/api/lists/crowd/events", clients)
		defer s.close()
		time.Sleep(time.Second) // so that the memory used for opening streams is not counted
		each := (b.memoryOf(api) - before) / clients * 1000
		writer := b.editor(api, "crowd", ids[0])
		defer writer.close()
		took, _ := b.change(writer, s)
		return []float64{each, each, float64(took.Microseconds()) / 1000}
	})
}

// watchers changes a large list that many clients watch, and measures a client of
// another list.
func watchers(b *bench) []metric {
	const watchers, changes, turn = 1000, 3, 1500 * time.Millisecond
	return b.perRound([]metric{
		{What: "sent to the watchers for 3 changes", unit: megas, goal: atMost(5)},
		{What: "99th percentile of a GET of another list, to that while nothing changes", unit: times, goal: atMost(1.5)},
	}, func() []float64 {
		api := b.startAPI("file://" + b.TempDir())
		defer api.Kill()
		ids := b.fill(api, "crowd", []byte(siege.State(5000, 150)))
		b.fill(api, "other", list(listItems))
		s := b.openStreams(api, "/api/lists/crowd/events?changes=true", watchers)
		defer s.close()
		// The first event counts by its id line, which precedes its list.
		for last := int64(-1); last != s.bytes.Load(); time.Sleep(500 * time.Millisecond) {
			last = s.bytes.Load()
		}
		reader, writer := []client{b.reader(api, "other")}, b.editor(api, "crowd", ids[0])
		defer closeAll(append(reader, writer))
		quiet, err := drive(b.ctx, reader, turn, api.cpu)
		b.check(err)
		before := s.bytes.Load()
		var busy tally
		done := make(chan error, 1)
		go func() {
			var err error
			busy, err = drive(b.ctx, reader, turn, api.cpu)
			done <- err
		}()
		for range changes {
			b.change(writer, s)
		}
		b.check(<-done)
		return []float64{float64(s.bytes.Load()-before) / 1e6, busy.p99.Seconds() / quiet.p99.Seconds()}
	})
}

// hostile measures a client of a small list while others, all with one address,
// send the most expensive batches and do not read large answers.
func hostile(b *bench) []metric {
	const turn = 3 * time.Second
	return b.perRound([]metric{
		{What: "99th percentile of a GET of another list, to that while quiet", unit: times, goal: atMost(1.5)},
		{What: "99th percentile of a PATCH of another list, to that while quiet", unit: times, goal: atMost(1.5)},
		{What: "answers other than 2xx to that client", goal: atMost(0)},
	}, func() []float64 {
		c := b.apiCommand("file://" + b.TempDir())
		c.Args = append(c.Args, siege.Flags...)
		api := b.start(c)
		defer api.Kill()
		attacks := siege.New(b, func() []string { return []string{api.URL} }, turn)
		ids := b.fill(api, "other", list(listItems))
		measure := func(one func() client) (p99, failed float64) {
			t := b.turn(contestant{server: api, clients: func() []client { return []client{one()} }}, turn)
			return t.p99Millis(), t.failures()
		}
		read := func() client { return b.reader(api, "other") }
		write := func() client { return b.editor(api, "other", ids[0]) }
		quietRead, _ := measure(read)
		quietWrite, _ := measure(write)
		end := attacks.Begin(1, siege.Changing, siege.Unreading)
		defer end()
		attackedRead, notRead := measure(read)
		attackedWrite, notWritten := measure(write)
		return []float64{attackedRead / quietRead, attackedWrite / quietWrite, notRead + notWritten}
	})
}

// across measures the time from the answer to a change at one server to the event
// at another.
func across(b *bench) (metrics []metric) {
	bus, s := b.start(server.Redis(freeport.Address(b))), b.startBuckets()
	for _, delay := range []time.Duration{0, 40 * time.Millisecond} {
		endpoint := b.slowed(s, delay, delay)
		for _, hints := range []bool{true, false} {
			m := metric{What: fmt.Sprintf("95th percentile, with hints, %v a call to S3", delay), unit: millis, goal: atMost(100)}
			changes, environ := 20, []string{"TODO_HINTS=redis://" + bus.Addr}
			if !hints { // each may take a second
				m.What, m.goal = fmt.Sprintf("95th percentile, without hints, %v a call to S3", delay), atMost(1100)
				changes, environ = 5, nil
			}
			bucket := fmt.Sprintf("seen-%d", b.stamps.Add(1))
			b.bucket(s, bucket, 0)
			writing, watching := b.startAPI(storeURL(bucket, endpoint), environ...), b.startAPI(storeURL(bucket, endpoint), environ...)
			ids := b.fill(writing, "seen", list(listItems))
			stream := b.openStreams(watching, "/api/lists/seen/events?changes=true", 1)
			writer := b.editor(writing, "seen", ids[0])
			for round := range b.rounds + 1 { // the first round waits for the bus and does not count
				took := make([]time.Duration, changes)
				for i := range took {
					_, took[i] = b.change(writer, stream)
				}
				if round > 0 {
					m.samples = append(m.samples, float64(quantile(took, 0.95).Microseconds())/1000)
				}
			}
			writer.close()
			metrics = append(metrics, m)
		}
	}
	return metrics
}

func memory(b *bench) []metric {
	paths := statePaths(manyLists)
	return b.perRound([]metric{
		{What: "API, idle", unit: megas, goal: atMost(20)},
		{What: "API, idle, without the pages of its program file", unit: megas},
		{What: "API, most under load on 1,000 lists, file", unit: megas, goal: atMost(64)},
		{What: "predecessor, idle", unit: megas},
		{What: "predecessor, after the load", unit: megas},
	}, func() []float64 {
		dir := b.seeded(manyLists, listItems)
		old := b.start(b.predecessorCommand("LISTS_DIR=" + dir))
		defer old.Kill()
		oldIdle := b.memoryOf(old)
		b.turn(contestant{server: old, clients: b.mixed(old, paths)}, time.Second)
		oldLoaded := b.memoryOf(old)
		old.Kill()

		api := b.startAPI("file://" + dir)
		defer api.Kill()
		idle := b.memoryOf(api)
		status := func() (own, most float64) {
			s, err := api.status()
			b.check(err)
			return float64(s.RssAnon) / 1e6, float64(s.VmHWM) / 1e6
		}
		own, _ := status()
		b.putAll(api, manyLists)
		b.turn(contestant{server: api, clients: b.mixed(api, paths)}, 2*time.Second)
		_, most := status()
		return []float64{idle, own, most, oldIdle, oldLoaded}
	})
}

func start(b *bench) []metric {
	dir := b.seeded(manyLists, listItems)
	first := func(c server.Command) float64 {
		began := time.Now()
		s := server.Spawn(b, c)
		defer s.Kill()
		b.check(s.Await(b.ctx, "/api/state/"+listName(0), time.Millisecond, http.StatusOK))
		return float64(time.Since(began).Microseconds()) / 1000
	}
	measure := func() []float64 {
		old := first(b.predecessorCommand("LISTS_DIR=" + dir))
		ours := first(b.apiCommand("file://" + dir))
		return []float64{ours / old, ours, old}
	}
	measure() // files are read and Python compiled
	return b.perRound([]metric{
		{What: "time, API, to the predecessor", unit: times, goal: atMost(1. / 20)},
		{What: "time, API", unit: millis},
		{What: "time, predecessor", unit: millis},
	}, measure)
}

// size measures bin/todo-api and the image that tools/image builds from the same
// sources, both with the page.
func size(b *bench) []metric {
	info, err := os.Stat(b.api)
	b.check(err)
	cmd := exec.CommandContext(b.ctx, filepath.Join(b.root, "tools", "image"), "build", "-page", "-out", b.TempDir())
	cmd.Dir = b.root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	b.check(err)
	var image struct {
		PulledBytes float64 `json:"pulled_bytes"`
	}
	b.check(json.Unmarshal(out, &image))
	return []metric{
		{"binary, with the page", megas, []float64{float64(info.Size()) / 1e6}, atMost(25)},
		{"image, as it is downloaded", megas, []float64{image.PulledBytes / 1e6}, atMost(25)},
	}
}

// editedLists returns one contestant for each size: a client that renames an item
// of a list of that size.
func (b *bench) editedLists(api *process, sizes []int) (all []contestant) {
	for _, size := range sizes {
		name := fmt.Sprintf("items-%d", size)
		ids := b.fill(api, name, list(size))
		all = append(all, contestant{
			name: "a list of " + number(float64(size)), server: api,
			clients: func() []client { return []client{b.editor(api, name, ids[size-1])} },
		})
	}
	return all
}

// steepest returns the largest exponent between neighbouring sizes: a time that
// grows as size to the power of e has the exponent e.
func steepest(sizes []int, seconds []float64) float64 {
	largest := math.Inf(-1)
	for i := 1; i < len(sizes); i++ {
		largest = max(largest, math.Log(seconds[i]/seconds[i-1])/math.Log(float64(sizes[i])/float64(sizes[i-1])))
	}
	return largest
}

func growthItems(b *bench) []metric {
	sizes := []int{1, 10, 100, 1000}
	contestants := b.editedLists(b.startAPI("mem:"), sizes)
	got := b.contest(500*time.Millisecond, contestants...)
	metrics := []metric{{What: "largest exponent of CPU time from 1 to 1,000 items (1 is linear)", goal: atMost(1)}}
	for round := range b.rounds {
		var times []float64
		for _, c := range contestants {
			times = append(times, got[c.name][round].micros())
		}
		metrics[0].samples = append(metrics[0].samples, steepest(sizes, times))
	}
	for _, c := range contestants {
		metrics = append(metrics, got.each("CPU time of a change in "+c.name+", memory", c.name, micros, tally.micros, open))
	}
	return metrics
}

// patchSizes measures a change of one item in a small list and in the largest.
func patchSizes(b *bench) []metric {
	got := b.contest(time.Second, b.editedLists(b.startAPI("file://"+b.TempDir()), []int{listItems, 5000})...)
	return []metric{
		got.ratio("CPU time of a PATCH, a list of 5,000 items to one of 20, file", "a list of 5,000", "a list of 20", tally.micros, atMost(3)),
		got.each("CPU time of a PATCH in a list of 20, file", "a list of 20", micros, tally.micros, open),
		got.each("CPU time of a PATCH in a list of 5,000, file", "a list of 5,000", micros, tally.micros, open),
	}
}

// growthLists replaces random lists, most of which are not in memory: the time
// to find a list must not grow with the number of lists.
func growthLists(b *bench) []metric {
	var contestants []contestant
	for _, size := range []int{1, 1_000, 100_000} {
		p := b.startAPI("file://" + b.seeded(size, 3))
		contestants = append(contestants, contestant{
			name: "one of " + number(float64(size)), server: p,
			clients: func() []client {
				return []client{b.client(p, func() []byte {
					return request(http.MethodPut, p.Addr, "/api/state/"+listName(rand.IntN(size)), list(3))
				})}
			},
		})
	}
	got := b.contest(time.Second, contestants...)
	metrics := []metric{
		got.ratio("time of a PUT, 100,000 lists to 1,000", "one of 100,000", "one of 1,000", tally.meanMicros, atMost(1.2)),
		got.ratio("time of a PUT, 100,000 lists to one", "one of 100,000", "one of 1", tally.meanMicros, open),
	}
	for _, c := range contestants {
		metrics = append(metrics, got.each("time of a PUT to "+c.name+" lists, file", c.name, micros, tally.meanMicros, open))
	}
	return metrics
}
