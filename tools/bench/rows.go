package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// row is one row of the table: metrics that are measured together.
type row struct {
	name  string // what BENCH_ROWS chooses
	title string
	run   func(ctx context.Context, b *bench) ([]metric, error)
	// why explains, with a date, why the row falls short; it is printed if the
	// row does.
	why string
}

const (
	whyPut = "In a profile of 23 November 2026 a PUT over 1,000 lists spent 57 % of its CPU time on files in the kernel calls of the safe replace " +
		"(create, write, sync, rename, sync), which the predecessor does without; on bolt the commit took 18 %, the garbage collector 17 %."
	whyHot = "In a profile of 23 November 2026 a PUT to one hot list spent 21 % of its CPU time decoding the request and 17 % in the file store."
	whyS3  = "In a profile of 29 November 2026 a read that S3 answers with 304 took 111 µs of CPU time, 48 % of it in the SDK: 481 allocations over some fifty steps of middleware, " +
		"of which none stands out. checksums=when_required saved 23 allocations and no CPU time that could be told from noise, so that the checks stay on. The rest is net/http and the kernel."
	whyPatch = "In a profile of 29 November 2026 a PATCH in a list of 5,000 items spent 43 % of its CPU time in the file store (writing and syncing 33 %, SHA-256 6 %) " +
		"and 24 % encoding: each grows with the list, because a document is written whole."
	whyMemory = "What an idle server holds beyond its own memory are pages of the program's file, which the kernel may drop."
)

func rows() []row {
	return []row{
		{name: "get-local", title: "GET a list, disk or memory", run: getLocal},
		{name: "put-spread", title: "PUT a list durably, over 1,000 lists", run: putSpread, why: whyPut},
		{name: "put-hot", title: "PUT a list durably, one hot list", run: putHot, why: whyHot},
		{name: "mixed", title: "9 GET to 1 PUT over 1,000 lists, disk", run: mixed, why: whyPut},
		{name: "get-s3", title: "GET a list from S3, linearizable", run: getS3, why: whyS3},
		{name: "put-s3", title: "PUT a list to S3, over 1,000 lists", run: putS3, why: whyS3},
		{name: "hot-s3", title: "64 writers on one list on S3", run: hotS3},
		{name: "hot-s3-slow", title: "the same with 25 ms a PUT and 12 ms a GET", run: hotS3Slow},
		{name: "instances", title: "64 writers an instance on one list, 40 ms a call to S3", run: instances},
		{name: "events", title: "5,000 idle event streams", run: events},
		{name: "watchers", title: "1,000 watchers of a list of 1 MB", run: crowd},
		{name: "hostile", title: "a client beside hostile ones", run: hostile},
		{name: "across", title: "a change at one server, seen at another one", run: across},
		{name: "memory", title: "memory, 1,000 lists", run: memory, why: whyMemory},
		{name: "start", title: "start to the first 200", run: start},
		{name: "size", title: "binary and image", run: size},
		{name: "growth-items", title: "CPU time of a change by items in its list", run: growthItems},
		{name: "patch-size", title: "a change of one item in the largest list", run: patchSizes, why: whyPatch},
		{name: "growth-lists", title: "time of a PUT by lists in the directory", run: growthLists},
	}
}

func rowNames() []string {
	var names []string
	for _, r := range rows() {
		names = append(names, r.name)
	}
	return names
}

// group are servers that end together.
type group []*process

func (g *group) add(p *process, err error) (*process, error) {
	if err == nil {
		*g = append(*g, p)
	}
	return p, err
}

func (g *group) stop() {
	for _, p := range *g {
		p.stop()
	}
}

const manyLists = 1000

// local are the servers of lists in memory and on this machine's disk.
type local struct {
	group
	predecessor, file, bolt *process
	dir                     string
}

// startLocal starts them on directories with equal lists.
func (b *bench) startLocal(ctx context.Context, lists int) (l *local, err error) {
	l = &local{}
	defer func() {
		if err != nil {
			l.stop()
		}
	}()
	dir, err := os.MkdirTemp(b.work, "local-")
	if err != nil {
		return nil, err
	}
	l.dir = filepath.Join(dir, "predecessor")
	ours := filepath.Join(dir, "file")
	for _, dir := range []string{l.dir, ours} {
		if err := seedDirectory(dir, lists, listItems); err != nil {
			return nil, err
		}
	}
	if l.predecessor, err = l.add(b.startPredecessor(ctx, "predecessor", "LISTS_DIR="+l.dir)); err != nil {
		return nil, err
	}
	if l.file, err = l.add(b.startAPI(ctx, "api-file", "file://"+ours)); err != nil {
		return nil, err
	}
	if l.bolt, err = l.add(b.startAPI(ctx, "api-bolt", "bolt://"+filepath.Join(dir, "lists.db"))); err != nil {
		return nil, err
	}
	// Every list is used once, so that each turn begins where the others do.
	for _, p := range []*process{l.file, l.bolt} {
		if err := putAll(ctx, p, lists); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// putAll replaces lists 0 to n-1 once.
func putAll(ctx context.Context, p *process, n int) error {
	clients := make([]client, 16)
	body := list(listItems)
	errs := make(chan error, len(clients))
	for w := range clients {
		at := w
		c := &httpClient{addr: p.addr, next: func() []byte {
			path := "/api/state/" + listName(at)
			at += len(clients)
			return append(request(http.MethodPut, p.addr, path, "application/json", len(body)), body...)
		}}
		go func() {
			defer c.close()
			for number := w; number < n; number += len(clients) {
				if ok, err := c.send(ctx); err != nil || !ok {
					errs <- fmt.Errorf("%s: PUT of list %d was not answered well (%w)", p.name, number, err)
					return
				}
			}
			errs <- nil
		}()
	}
	var first error
	for range clients {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func getLocal(ctx context.Context, b *bench) ([]metric, error) {
	l, err := b.startLocal(ctx, manyLists)
	if err != nil {
		return nil, err
	}
	defer l.stop()
	inMemory, err := l.add(b.startAPI(ctx, "api-mem", "mem:"))
	if err != nil {
		return nil, err
	}
	if err := putAll(ctx, inMemory, manyLists); err != nil {
		return nil, err
	}
	nginx, err := l.add(b.startNginx(ctx, l.dir))
	if err != nil {
		return nil, err
	}
	pocketbase, err := l.add(b.startPocketBase(ctx, "NORMAL"))
	if err != nil {
		return nil, err
	}
	records, err := seedPocketBase(ctx, pocketbase, manyLists)
	if err != nil {
		return nil, err
	}
	files := make([]string, manyLists)
	for i := range files {
		files[i] = "/" + listName(i) + ".json"
	}
	paths := statePaths(manyLists)
	got, err := b.contest(ctx, "get-local", time.Second,
		contestant{name: "predecessor", server: l.predecessor, clients: reads(l.predecessor, paths)},
		contestant{name: "API file", server: l.file, clients: reads(l.file, paths)},
		contestant{name: "API bolt", server: l.bolt, clients: reads(l.bolt, paths)},
		contestant{name: "API mem", server: inMemory, clients: reads(inMemory, paths)},
		contestant{name: "nginx static", server: nginx, clients: reads(nginx, files)},
		contestant{name: "PocketBase", server: pocketbase, clients: reads(pocketbase, records)},
	)
	if err != nil {
		return nil, err
	}
	old, file := got["predecessor"], got["API file"]
	return []metric{
		{"rate, file, to the predecessor", times, ratios(file, old, tally.rate), atLeast(20)},
		{"rate, memory, to the predecessor", times, ratios(got["API mem"], old, tally.rate), atLeast(20)},
		{"rate, bolt, to the predecessor", times, ratios(got["API bolt"], old, tally.rate), goal{}},
		{"rate, nginx static, to the predecessor", times, ratios(got["nginx static"], old, tally.rate), goal{}},
		{"rate, PocketBase, to the predecessor", times, ratios(got["PocketBase"], old, tally.rate), goal{}},
		{"rate, file, to nginx static", times, ratios(file, got["nginx static"], tally.rate), atLeast(0.6)},
		{"rate, memory, to nginx static", times, ratios(got["API mem"], got["nginx static"], tally.rate), atLeast(0.6)},
		{"CPU a request, file", micros, each(file, tally.micros), atMost(15)},
		{"CPU a request, predecessor", micros, each(old, tally.micros), goal{}},
		{"99th percentile, file, to the predecessor", times, ratios(file, old, p99), atMost(1. / 3)},
	}, nil
}

func putSpread(ctx context.Context, b *bench) ([]metric, error) {
	l, err := b.startLocal(ctx, manyLists)
	if err != nil {
		return nil, err
	}
	defer l.stop()
	pocketbase, err := l.add(b.startPocketBase(ctx, "NORMAL"))
	if err != nil {
		return nil, err
	}
	durable, err := l.add(b.startPocketBase(ctx, "FULL"))
	if err != nil {
		return nil, err
	}
	paths, body := statePaths(manyLists), list(listItems)
	got, err := b.contest(ctx, "put-spread", 1500*time.Millisecond,
		contestant{name: "predecessor", server: l.predecessor, clients: b.writes(l.predecessor, http.MethodPut, paths, body)},
		contestant{name: "API file", server: l.file, clients: b.writes(l.file, http.MethodPut, paths, body)},
		contestant{name: "API bolt", server: l.bolt, clients: b.writes(l.bolt, http.MethodPut, paths, body)},
		contestant{
			name: "PocketBase", server: pocketbase,
			clients: b.writes(pocketbase, http.MethodPost, []string{pocketBaseRecords}, pocketBaseBody(body)),
		},
		contestant{
			name: "PocketBase, durable", server: durable,
			clients: b.writes(durable, http.MethodPost, []string{pocketBaseRecords}, pocketBaseBody(body)),
		},
	)
	if err != nil {
		return nil, err
	}
	old, file, bolt, sqlite := got["predecessor"], got["API file"], got["API bolt"], got["PocketBase, durable"]
	return []metric{
		{"rate, file, to the predecessor (which does not sync)", times, ratios(file, old, tally.rate), atLeast(4.6)},
		{"rate, bolt, to the predecessor (which does not sync)", times, ratios(bolt, old, tally.rate), atLeast(15)},
		{"rate, PocketBase create, to the predecessor", times, ratios(got["PocketBase"], old, tally.rate), goal{}},
		{"rate, durable PocketBase create, to the predecessor", times, ratios(sqlite, old, tally.rate), goal{}},
		{"rate, file, to durable PocketBase create", times, ratios(file, sqlite, tally.rate), atLeast(1)},
		{"rate, bolt, to durable PocketBase create", times, ratios(bolt, sqlite, tally.rate), goal{}},
		{"CPU a request, file", micros, each(file, tally.micros), goal{}},
		{"CPU a request, bolt", micros, each(bolt, tally.micros), goal{}},
		{"CPU a request, predecessor", micros, each(old, tally.micros), goal{}},
		{"99th percentile, file, to the predecessor", times, ratios(file, old, p99), atMost(.25)},
		{"99th percentile, bolt, to the predecessor", times, ratios(bolt, old, p99), atMost(.25)},
	}, nil
}

func putHot(ctx context.Context, b *bench) ([]metric, error) {
	l, err := b.startLocal(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer l.stop()
	paths, body := statePaths(1), list(listItems)
	got, err := b.contest(ctx, "put-hot", 1500*time.Millisecond,
		contestant{name: "predecessor", server: l.predecessor, clients: b.writes(l.predecessor, http.MethodPut, paths, body)},
		contestant{name: "API file", server: l.file, clients: b.writes(l.file, http.MethodPut, paths, body)},
		contestant{name: "API bolt", server: l.bolt, clients: b.writes(l.bolt, http.MethodPut, paths, body)},
	)
	if err != nil {
		return nil, err
	}
	old, file, bolt := got["predecessor"], got["API file"], got["API bolt"]
	return []metric{
		{"rate, file, to the predecessor (which does not sync)", times, ratios(file, old, tally.rate), atLeast(10)},
		{"rate, bolt, to the predecessor (which does not sync)", times, ratios(bolt, old, tally.rate), goal{}},
		{"CPU a request, file", micros, each(file, tally.micros), goal{}},
		{"CPU a request, predecessor", micros, each(old, tally.micros), goal{}},
		{"99th percentile, file, to the predecessor", times, ratios(file, old, p99), atMost(.25)},
	}, nil
}

func mixed(ctx context.Context, b *bench) ([]metric, error) {
	l, err := b.startLocal(ctx, manyLists)
	if err != nil {
		return nil, err
	}
	defer l.stop()
	paths, body := statePaths(manyLists), list(listItems)
	got, err := b.contest(ctx, "mixed", 1500*time.Millisecond,
		contestant{name: "predecessor", server: l.predecessor, clients: b.mixed(l.predecessor, paths, body)},
		contestant{name: "API file", server: l.file, clients: b.mixed(l.file, paths, body)},
		contestant{name: "API bolt", server: l.bolt, clients: b.mixed(l.bolt, paths, body)},
	)
	if err != nil {
		return nil, err
	}
	old, file, bolt := got["predecessor"], got["API file"], got["API bolt"]
	return []metric{
		{"rate of 2xx, file, to the predecessor", times, ratios(file, old, tally.rate), atLeast(15)},
		{"rate of 2xx, bolt, to the predecessor", times, ratios(bolt, old, tally.rate), goal{}},
		{"answers other than 2xx, file", plain, each(file, failed), atMost(0)},
		{"answers other than 2xx, bolt", plain, each(bolt, failed), atMost(0)},
		{"answers other than 2xx, predecessor", plain, each(old, failed), goal{}},
	}, nil
}

// remote are the servers of lists on one S3 server.
type remote struct {
	group
	buckets                   *bucketServer
	predecessor, hoisted, api *process
}

// startRemote starts them on buckets of their own with lists that are alike.
func (b *bench) startRemote(ctx context.Context, lists int) (r *remote, err error) {
	r = &remote{}
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	if r.buckets, err = b.startBuckets(ctx); err != nil {
		return nil, err
	}
	r.group = append(r.group, r.buckets.process)
	endpoint := "http://" + r.buckets.addr
	for _, name := range []string{"predecessor", "hoisted", "api"} {
		if err := r.buckets.bucket(ctx, name, lists); err != nil {
			return nil, err
		}
	}
	if r.predecessor, err = r.add(b.startPredecessor(ctx, "predecessor-s3", "STORAGE_BUCKET=predecessor", "S3_ENDPOINT="+endpoint)); err != nil {
		return nil, err
	}
	if r.hoisted, err = r.add(b.startPredecessor(ctx, "hoisted-s3", "STORAGE_BUCKET=hoisted", "S3_ENDPOINT="+endpoint, "HOIST=1")); err != nil {
		return nil, err
	}
	if r.api, err = r.add(b.startAPI(ctx, "api-s3", storeURL("api", endpoint))); err != nil {
		return nil, err
	}
	return r, putAll(ctx, r.api, lists)
}

func getS3(ctx context.Context, b *bench) ([]metric, error) {
	r, err := b.startRemote(ctx, connections)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	paths := statePaths(connections)
	got, err := b.contest(ctx, "get-s3", 1500*time.Millisecond,
		contestant{name: "predecessor", server: r.predecessor, clients: readsOwn(r.predecessor, paths)},
		contestant{name: "predecessor, one client", server: r.hoisted, clients: readsOwn(r.hoisted, paths)},
		contestant{name: "API, a list each", server: r.api, clients: readsOwn(r.api, paths)},
		contestant{name: "API, one list", server: r.api, clients: readsOwn(r.api, paths[:1])},
	)
	if err != nil {
		return nil, err
	}
	old := got["predecessor"]
	return []metric{
		{"rate, 64 readers of a list each, to the predecessor", times, ratios(got["API, a list each"], old, tally.rate), atLeast(40)},
		{"rate, 64 readers of one list, to the predecessor", times, ratios(got["API, one list"], old, tally.rate), atLeast(300)},
		{"rate, predecessor with one client a worker, to itself", times, ratios(got["predecessor, one client"], old, tally.rate), goal{}},
		{"CPU a request, a list each", micros, each(got["API, a list each"], tally.micros), goal{}},
		{"CPU a request, one list", micros, each(got["API, one list"], tally.micros), goal{}},
		{"99th percentile, a list each, to the predecessor", times, ratios(got["API, a list each"], old, p99), atMost(1. / 3)},
	}, nil
}

func putS3(ctx context.Context, b *bench) ([]metric, error) {
	r, err := b.startRemote(ctx, manyLists)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	paths, body := statePaths(manyLists), list(listItems)
	got, err := b.contest(ctx, "put-s3", 1500*time.Millisecond,
		contestant{name: "predecessor", server: r.predecessor, clients: b.writes(r.predecessor, http.MethodPut, paths, body)},
		contestant{name: "predecessor, one client", server: r.hoisted, clients: b.writes(r.hoisted, http.MethodPut, paths, body)},
		contestant{name: "API", server: r.api, clients: b.writes(r.api, http.MethodPut, paths, body)},
	)
	if err != nil {
		return nil, err
	}
	old := got["predecessor"]
	return []metric{
		{"rate, to the predecessor (which loses updates)", times, ratios(got["API"], old, tally.rate), atLeast(15)},
		{"rate, predecessor with one client a worker, to itself", times, ratios(got["predecessor, one client"], old, tally.rate), goal{}},
		{"CPU a request", micros, each(got["API"], tally.micros), goal{}},
		{"99th percentile, to the predecessor", times, ratios(got["API"], old, p99), atMost(.25)},
	}, nil
}

// storePuts begins the samples of the API's metrics that count its PUTs.
const storePuts = `todo_store_calls_total{op="replace"`

// hot has 64 writers on one list, each with an item of its own: through the
// API, and the naive way on a copy of the list.
func hot(ctx context.Context, b *bench, name string, turn, put, get time.Duration, bound float64) ([]metric, error) {
	buckets, err := b.startBuckets(ctx)
	if err != nil {
		return nil, err
	}
	defer buckets.stop()
	for _, bucket := range []string{"api", "naive"} {
		if err := buckets.bucket(ctx, bucket, 1); err != nil {
			return nil, err
		}
	}
	endpoint := "http://" + buckets.addr
	if put > 0 {
		proxy, err := b.startSlowProxy(ctx, buckets, put, get)
		if err != nil {
			return nil, err
		}
		defer proxy.close()
		endpoint = proxy.url
	}
	api, admin, err := b.startMeteredAPI(ctx, "api-hot", storeURL("api", endpoint))
	if err != nil {
		return nil, err
	}
	defer api.stop()
	ids, err := fill(ctx, api, "hot", connections)
	if err != nil {
		return nil, err
	}
	naives, naivePuts, err := b.naives(s3Client(endpoint), "naive", listName(0))
	if err != nil {
		return nil, err
	}
	got, err := b.contest(ctx, name, turn,
		contestant{
			name: "API", server: api, clients: b.edits([]*process{api}, "/api/lists/hot/todos", ids),
			count: func() (float64, error) { return counter(ctx, admin, storePuts) },
		},
		contestant{name: "compare-and-swap a request", clients: naives, count: naivePuts},
	)
	if err != nil {
		return nil, err
	}
	ours, theirs := got["API"], got["compare-and-swap a request"]
	return []metric{
		{"rate, to compare-and-swap a request", times, ratios(ours, theirs, tally.rate), atLeast(bound)},
		{"operations a PUT, API", plain, each(ours, func(t tally) float64 { return float64(t.requests) / t.amount }), goal{}},
		{"PUTs an operation, compare-and-swap a request", plain, each(theirs, func(t tally) float64 { return t.amount / float64(t.requests) }), goal{}},
		{"99th percentile, API", millis, each(ours, p99), goal{}},
		{"answers other than 2xx, API", plain, each(ours, failed), atMost(0)},
	}, nil
}

func hotS3(ctx context.Context, b *bench) ([]metric, error) {
	return hot(ctx, b, "hot-s3", 2*time.Second, 0, 0, 100)
}

func hotS3Slow(ctx context.Context, b *bench) ([]metric, error) {
	return hot(ctx, b, "hot-s3-slow", 3*time.Second, 25*time.Millisecond, 12*time.Millisecond, 10)
}

func instances(ctx context.Context, b *bench) ([]metric, error) {
	buckets, err := b.startBuckets(ctx)
	if err != nil {
		return nil, err
	}
	var all group
	defer func() { all.stop(); buckets.stop() }()
	proxy, err := b.startSlowProxy(ctx, buckets, 40*time.Millisecond, 40*time.Millisecond)
	if err != nil {
		return nil, err
	}
	defer proxy.close()

	names := []string{"one instance", "two instances", "three instances"}
	contestants := make([]contestant, len(names))
	for i, name := range names {
		bucket := fmt.Sprintf("shared-by-%d", i+1)
		if err := buckets.bucket(ctx, bucket, 0); err != nil {
			return nil, err
		}
		var servers []*process
		for n := range i + 1 {
			p, err := all.add(b.startAPI(ctx, fmt.Sprintf("api-%d-of-%d", n+1, i+1), storeURL(bucket, proxy.url)))
			if err != nil {
				return nil, err
			}
			servers = append(servers, p)
		}
		ids, err := fill(ctx, servers[0], "hot", connections)
		if err != nil {
			return nil, err
		}
		contestants[i] = contestant{name: name, clients: b.edits(servers, "/api/lists/hot/todos", ids)}
	}
	got, err := b.contest(ctx, "instances", 4*time.Second, contestants...)
	if err != nil {
		return nil, err
	}
	one, two, three := got[names[0]], got[names[1]], got[names[2]]
	return []metric{
		{"99th percentile, one instance", millis, each(one, p99), goal{}},
		{"99th percentile, two instances", millis, each(two, p99), atMost(500)},
		{"99th percentile, three instances", millis, each(three, p99), atMost(1000)},
		{"rate, two instances, to one", times, ratios(two, one, tally.rate), atLeast(.75)},
		{"rate, three instances, to one", times, ratios(three, one, tally.rate), atLeast(.75)},
		{"answers other than 2xx", plain, each(append(append(append([]tally(nil), one...), two...), three...), failed), atMost(0)},
	}, nil
}

func memory(ctx context.Context, b *bench) ([]metric, error) {
	idle := metric{"API, idle", megas, nil, atMost(20)}
	loaded := metric{"API, most under load on 1,000 lists, file", megas, nil, atMost(64)}
	own := metric{"API, idle, without the pages of its program file", megas, nil, goal{}}
	old := metric{"predecessor, idle", megas, nil, goal{}}
	oldLoaded := metric{"predecessor, after the load", megas, nil, goal{}}
	body, paths := list(listItems), statePaths(manyLists)
	for round := range b.rounds {
		err := func() error {
			dir, err := os.MkdirTemp(b.work, "memory-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			if err := seedDirectory(dir, manyLists, listItems); err != nil {
				return err
			}
			predecessor, err := b.startPredecessor(ctx, "predecessor", "LISTS_DIR="+dir)
			if err != nil {
				return err
			}
			defer predecessor.stop()
			n, err := predecessor.memory()
			if err != nil {
				return err
			}
			old.samples = append(old.samples, n/1e6)
			if _, err := b.turn(ctx, contestant{server: predecessor, clients: b.mixed(predecessor, paths, body)}, time.Second); err != nil {
				return err
			}
			if n, err = predecessor.memory(); err != nil {
				return err
			}
			oldLoaded.samples = append(oldLoaded.samples, n/1e6)
			predecessor.stop()

			api, err := b.startAPI(ctx, "api-memory", "file://"+dir)
			if err != nil {
				return err
			}
			defer api.stop()
			if n, err = api.memory(); err != nil {
				return err
			}
			idle.samples = append(idle.samples, n/1e6)
			status, err := api.status()
			if err != nil {
				return err
			}
			own.samples = append(own.samples, float64(status.RssAnon)/1e6)
			if err := putAll(ctx, api, manyLists); err != nil {
				return err
			}
			if _, err := b.turn(ctx, contestant{server: api, clients: b.mixed(api, paths, body)}, 2*time.Second); err != nil {
				return err
			}
			if status, err = api.status(); err != nil {
				return err
			}
			loaded.samples = append(loaded.samples, float64(status.VmHWM)/1e6)
			return nil
		}()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(b.stdout, "   %d/%d  idle %s MB  under load %s MB\n", round+1, b.rounds, number(idle.samples[round]), number(loaded.samples[round]))
	}
	return []metric{idle, own, loaded, old, oldLoaded}, nil
}

func start(ctx context.Context, b *bench) ([]metric, error) {
	dir := filepath.Join(b.work, "start")
	if err := seedDirectory(dir, manyLists, listItems); err != nil {
		return nil, err
	}
	first := func(c command) (time.Duration, error) {
		began := time.Now()
		p, err := b.spawn(ctx, c)
		if err != nil {
			return 0, err
		}
		defer p.stop()
		err = p.await(ctx, "/api/state/"+listName(0), 30*time.Second, time.Millisecond, http.StatusOK)
		return time.Since(began), err
	}
	ratio := metric{"time, API, to the predecessor", times, nil, atMost(1. / 20)}
	ours := metric{"time, API", millis, nil, goal{}}
	theirs := metric{"time, predecessor", millis, nil, goal{}}
	for round := range b.rounds + 1 {
		old, err := b.predecessorCommand(ctx, "predecessor", "LISTS_DIR="+dir)
		if err != nil {
			return nil, err
		}
		a, err := first(old)
		if err != nil {
			return nil, err
		}
		api, err := b.apiCommand(ctx, "api-start", "file://"+dir)
		if err != nil {
			return nil, err
		}
		z, err := first(api)
		if err != nil {
			return nil, err
		}
		if round == 0 {
			continue // files were read and Python compiled
		}
		theirs.samples = append(theirs.samples, float64(a.Microseconds())/1000)
		ours.samples = append(ours.samples, float64(z.Microseconds())/1000)
		ratio.samples = append(ratio.samples, z.Seconds()/a.Seconds())
		fmt.Fprintf(b.stdout, "   %d/%d  predecessor %v  API %v\n", round, b.rounds, a.Round(time.Millisecond), z.Round(time.Millisecond))
	}
	return []metric{ratio, ours, theirs}, nil
}

// steepest is the largest exponent between neighbours, where a time that
// grows as size to the power of e has the exponent e.
func steepest(sizes []int, seconds []float64) float64 {
	largest := math.Inf(-1)
	for i := 1; i < len(sizes); i++ {
		exponent := math.Log(seconds[i]/seconds[i-1]) / math.Log(float64(sizes[i])/float64(sizes[i-1]))
		largest = max(largest, exponent)
	}
	return largest
}

func growthItems(ctx context.Context, b *bench) ([]metric, error) {
	api, err := b.startAPI(ctx, "api-growth", "mem:")
	if err != nil {
		return nil, err
	}
	defer api.stop()
	sizes := []int{1, 10, 100, 1000}
	contestants := make([]contestant, len(sizes))
	for i, size := range sizes {
		name := fmt.Sprintf("items-%d", size)
		ids, err := fill(ctx, api, name, size)
		if err != nil {
			return nil, err
		}
		clients := b.edits([]*process{api}, "/api/lists/"+name+"/todos", ids[size-1:])
		contestants[i] = contestant{name: "a list of " + number(float64(size)), server: api, clients: func() []client { return clients()[:1] }}
	}
	got, err := b.contest(ctx, "growth-items", 500*time.Millisecond, contestants...)
	if err != nil {
		return nil, err
	}
	exponent := metric{"largest exponent of CPU time from 1 to 1,000 items (1 is linear)", plain, nil, atMost(1)}
	for round := range b.rounds {
		seconds := make([]float64, len(sizes))
		for i := range sizes {
			seconds[i] = got[contestants[i].name][round].micros() / 1e6
		}
		exponent.samples = append(exponent.samples, steepest(sizes, seconds))
	}
	metrics := []metric{exponent}
	for _, c := range contestants {
		metrics = append(metrics, metric{"CPU time of a change in " + c.name + ", memory", micros, each(got[c.name], tally.micros), goal{}})
	}
	return metrics, nil
}

func meanMicros(t tally) float64 { return float64(t.mean.Nanoseconds()) / 1000 }

// growthLists changes lists at random, nearly all of which were not in memory:
// what is to stay the same is the price of finding one among many.
func growthLists(ctx context.Context, b *bench) ([]metric, error) {
	sizes := []int{1, 1_000, 100_000}
	body := list(3)
	var all group
	defer all.stop()
	contestants := make([]contestant, len(sizes))
	for i, size := range sizes {
		dir := filepath.Join(b.work, fmt.Sprintf("lists-%d", size))
		if err := seedDirectory(dir, size, 3); err != nil {
			return nil, err
		}
		p, err := all.add(b.startAPI(ctx, fmt.Sprintf("api-lists-%d", size), "file://"+dir))
		if err != nil {
			return nil, err
		}
		contestants[i] = contestant{
			name: "one of " + number(float64(size)), server: p,
			clients: func() []client {
				return []client{&httpClient{addr: p.addr, next: func() []byte {
					path := "/api/state/" + listName(rand.IntN(size))
					message := append(request(http.MethodPut, p.addr, path, "application/json", len(body)), body...)
					b.stamp(message)
					return message
				}}}
			},
		}
	}
	got, err := b.contest(ctx, "growth-lists", time.Second, contestants...)
	if err != nil {
		return nil, err
	}
	names := [3]string{contestants[0].name, contestants[1].name, contestants[2].name}
	metrics := []metric{
		{"time of a PUT, 100,000 lists to 1,000", times, ratios(got[names[2]], got[names[1]], meanMicros), atMost(1.2)},
		{"time of a PUT, 100,000 lists to one", times, ratios(got[names[2]], got[names[0]], meanMicros), goal{}},
	}
	for _, name := range names {
		metrics = append(metrics, metric{"time of a PUT to " + name + " lists, file", micros, each(got[name], meanMicros), goal{}})
	}
	return metrics, nil
}
