package ecsstandin

import (
	"strings"
	"testing"
)

// tasksOf returns the tasks of a list such as "a:old+ b:new- c:new~": old is of an earlier
// deployment, + healthy, - failing and ~ leaving.
func tasksOf(list string) (tasks []placed) {
	for word := range strings.FieldsSeq(list) {
		id, kind, _ := strings.Cut(word, ":")
		is := func(mark string) bool { return strings.HasSuffix(kind, mark) }
		tasks = append(tasks, placed{id: id, primary: strings.HasPrefix(kind, "new"), healthy: is("+"), failing: is("-"), leaving: is("~")})
	}
	return tasks
}

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name                      string
		desired, minimum, maximum int
		frozen                    bool
		tasks                     string
		start                     int
		stop                      string
	}{
		{"nothing runs yet", 2, 100, 200, false, "", 2, ""},
		{"a new release starts beside the old", 2, 100, 200, false, "a:old+ b:old+", 2, ""},
		{"no old task goes before a new one serves", 2, 100, 200, false, "a:old+ b:old+ c:new d:new", 0, ""},
		{"one new serves, one old may go", 2, 100, 200, false, "a:old+ b:old+ c:new+ d:new", 0, "a"},
		{"room is what has stopped, not what is leaving", 2, 50, 100, false, "a:old~ b:old+", 0, ""},
		{"without room above, one goes first", 2, 50, 100, false, "a:old+ b:old+", 0, "a"},
		{"the lower bound is rounded up", 3, 50, 100, false, "a:old+ b:old+ c:old+", 0, "a"},
		{"the upper bound is rounded down", 3, 100, 150, false, "a:old+ b:old+ c:old+", 1, ""},
		{"an old task that is not healthy is stopped at once", 1, 100, 200, false, "a:old", 1, "a"},
		{"a failing task is replaced", 2, 100, 200, false, "a:new+ b:new-", 1, "b"},
		{"a failed deployment starts nothing", 2, 100, 200, true, "a:old+ b:old+ c:new-", 0, "c"},
		{"fewer are wanted", 1, 100, 200, false, "a:new+ b:new+", 0, "a"},
		{"a steady service is left alone", 2, 100, 200, false, "a:new+ b:new+", 0, ""},
	} {
		got := decide(rollout{test.desired, test.minimum, test.maximum, test.frozen, tasksOf(test.tasks)})
		if stop := strings.Join(got.stop, ""); got.start != test.start || stop != test.stop {
			t.Errorf("%s: got start %d, stop %q, want start %d, stop %q", test.name, got.start, stop, test.start, test.stop)
		}
	}
}

func TestBreakerThreshold(t *testing.T) {
	for desired, want := range map[int]int{1: 3, 2: 3, 6: 3, 7: 4, 10: 5, 25: 13, 400: 200, 1000: 200} {
		if got := breakerThreshold(desired); got != want {
			t.Errorf("%d desired tasks: got %d, want %d", desired, got, want)
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
