package ecsstandin

import (
	"slices"
	"strings"
	"testing"
)

func TestDecide(t *testing.T) {
	primary := func(id string) placed { return placed{id: id, primary: true} }
	serving := func(p placed) placed { p.healthy = true; return p }
	failing := func(p placed) placed { p.failing = true; return p }
	leaving := func(p placed) placed { p.leaving = true; return p }
	old := func(id string) placed { return placed{id: id} }

	for _, test := range []struct {
		name  string
		in    rollout
		start int
		stop  []string
	}{
		{"nothing runs yet", rollout{desired: 2, minimumPercent: 100, maximumPercent: 200}, 2, nil},
		{"a new release starts beside the old", rollout{desired: 2, minimumPercent: 100, maximumPercent: 200, tasks: []placed{
			serving(old("a")), serving(old("b")),
		}}, 2, nil},
		{"no old task goes before a new one serves", rollout{desired: 2, minimumPercent: 100, maximumPercent: 200, tasks: []placed{
			serving(old("a")), serving(old("b")), primary("c"), primary("d"),
		}}, 0, nil},
		{"one new serves, one old may go", rollout{desired: 2, minimumPercent: 100, maximumPercent: 200, tasks: []placed{
			serving(old("a")), serving(old("b")), serving(primary("c")), primary("d"),
		}}, 0, []string{"a"}},
		{"room is what has stopped, not what is leaving", rollout{desired: 2, minimumPercent: 50, maximumPercent: 100, tasks: []placed{
			leaving(old("a")), serving(old("b")),
		}}, 0, nil},
		{"without room above, one goes first", rollout{desired: 2, minimumPercent: 50, maximumPercent: 100, tasks: []placed{
			serving(old("a")), serving(old("b")),
		}}, 0, []string{"a"}},
		{"the lower bound is rounded up", rollout{desired: 3, minimumPercent: 50, maximumPercent: 100, tasks: []placed{
			serving(old("a")), serving(old("b")), serving(old("c")),
		}}, 0, []string{"a"}},
		{"the upper bound is rounded down", rollout{desired: 3, minimumPercent: 100, maximumPercent: 150, tasks: []placed{
			serving(old("a")), serving(old("b")), serving(old("c")),
		}}, 1, nil},
		{"an old task that is not healthy is stopped at once", rollout{desired: 1, minimumPercent: 100, maximumPercent: 200, tasks: []placed{
			old("a"),
		}}, 1, []string{"a"}},
		{"a failing task is replaced", rollout{desired: 2, minimumPercent: 100, maximumPercent: 200, tasks: []placed{
			serving(primary("a")), failing(primary("b")),
		}}, 1, []string{"b"}},
		{"a failed deployment starts nothing", rollout{desired: 2, minimumPercent: 100, maximumPercent: 200, frozen: true, tasks: []placed{
			serving(old("a")), serving(old("b")), failing(primary("c")),
		}}, 0, []string{"c"}},
		{"fewer are wanted", rollout{desired: 1, minimumPercent: 100, maximumPercent: 200, tasks: []placed{
			serving(primary("a")), serving(primary("b")),
		}}, 0, []string{"a"}},
		{"a steady service is left alone", rollout{desired: 2, minimumPercent: 100, maximumPercent: 200, tasks: []placed{
			serving(primary("a")), serving(primary("b")),
		}}, 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := decide(test.in)
			if got.start != test.start || !slices.Equal(got.stop, test.stop) {
				t.Errorf("got start %d, stop %q, want start %d, stop %q", got.start, got.stop, test.start, test.stop)
			}
		})
	}
}

func TestBreakerThreshold(t *testing.T) {
	for desired, want := range map[int]int{1: 3, 2: 3, 6: 3, 7: 4, 10: 5, 25: 13, 400: 200, 1000: 200} {
		if got := breakerThreshold(desired); got != want {
			t.Errorf("%d desired tasks: got %d, want %d", desired, got, want)
		}
	}
}

func TestHealth(t *testing.T) {
	group := TargetGroup{HealthyThreshold: 3, UnhealthyThreshold: 2}
	for checks, want := range map[string]string{
		"+":       "healthy", // one is enough for a new target
		"-":       "initial",
		"-+":      "healthy",
		"--":      "unhealthy",
		"+-":      "healthy",
		"+-+-+-":  "healthy",
		"+--":     "unhealthy",
		"+--++":   "unhealthy",
		"+--+++":  "healthy",
		"--++-+":  "unhealthy",
		"--++-++": "unhealthy",
	} {
		got := health{state: "initial"}
		for _, check := range checks {
			got = got.after(check == '+', group)
		}
		if got.state != want {
			t.Errorf("checks %s: got %s, want %s", checks, got.state, want)
		}
	}
}

func TestTaskDefinitionsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"not JSON":         {`{`, "unexpected EOF"},
		"unknown field":    {`{"family":"f","pidMode":"host"}`, `unknown field "pidMode"`},
		"unknown inside":   {`{"family":"f","containerDefinitions":[{"name":"c","healthCheck":{}}]}`, `unknown field "healthCheck"`},
		"no family":        {`{}`, "family must be set"},
		"awsvpc":           {`{"family":"f","networkMode":"awsvpc"}`, `networkMode "awsvpc"`},
		"two containers":   {`{"family":"f","containerDefinitions":[{"name":"a"},{"name":"b"}]}`, "2 containers"},
		"no image":         {`{"family":"f","containerDefinitions":[{"name":"c","memory":64}]}`, "name and image must be set"},
		"no memory":        {`{"family":"f","containerDefinitions":[{"name":"c","image":"i"}]}`, "memory or memoryReservation"},
		"privileged":       {`{"family":"f","containerDefinitions":[{"name":"c","image":"i","memory":64,"privileged":true}]}`, "privileged"},
		"fixed host port":  {`{"family":"f","containerDefinitions":[{"name":"c","image":"i","memory":64,"portMappings":[{"containerPort":1,"hostPort":80}]}]}`, "hostPort 80"},
		"secrets":          {`{"family":"f","containerDefinitions":[{"name":"c","image":"i","memory":64,"secrets":[{"name":"a","valueFrom":"b"}]}]}`, `unknown field "secrets"`},
		"mount of nothing": {`{"family":"f","volumes":[{"name":"v"}],"containerDefinitions":[{"name":"c","image":"i","memory":64,"mountPoints":[{"sourceVolume":"v","containerPath":"/v"}]}]}`, `sourceVolume "v"`},
	} {
		if _, err := parseTask([]byte(test.in)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, test.want)
		}
	}
}

func TestRunArguments(t *testing.T) {
	spec, err := parseTask([]byte(`{"family":"f","networkMode":"bridge","requiresCompatibilities":["EC2"],"volumes":[{"name":"ca","host":{"sourcePath":"/etc/ca"}}],"containerDefinitions":[{
		"name":"c","image":"registry/app@sha256:0","cpu":128,"memory":96,"memoryReservation":64,"essential":true,
		"user":"65532:65532","readonlyRootFilesystem":true,"command":["serve","-v"],
		"environment":[{"name":"A","value":"1"}],"portMappings":[{"containerPort":8080,"hostPort":0,"protocol":"tcp"}],
		"linuxParameters":{"capabilities":{"drop":["ALL"]}},
		"ulimits":[{"name":"nofile","softLimit":10,"hardLimit":20}],
		"mountPoints":[{"sourceVolume":"ca","containerPath":"/ca","readOnly":true}],"logConfiguration":{"logDriver":"awslogs"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(spec.Containers[0].runArguments(map[string]string{"ROLE": "x"}), " ")
	want := "--env ROLE=x --env A=1 --publish 127.0.0.1::8080 --memory 96m --memory-reservation 64m --cpu-shares 128 --read-only " +
		"--user 65532:65532 --cap-drop ALL --mount type=bind,source=/etc/ca,target=/ca,readonly --ulimit nofile=10:20 " +
		"registry/app@sha256:0 serve -v"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
