package ecsstandin

// rollout is what the scheduler looks at when it decides what to do next for
// one service.
type rollout struct {
	desired        int
	minimumPercent int
	maximumPercent int
	// frozen: the newest deployment has failed and starts nothing more.
	frozen bool
	tasks  []placed
}

// placed is a task that has not stopped.
type placed struct {
	id      string
	primary bool // of the newest deployment
	leaving bool // told to stop already
	healthy bool // running, and in the load balancer if there is one
	failing bool // its health checks fail, and not only because it is young
}

// decision says how many tasks to start, and which to stop.
type decision struct {
	start int
	stop  []string
}

// decide keeps to the service's two percentages.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
func decide(r rollout) decision {
	lower := (r.desired*r.minimumPercent + 99) / 100
	upper := r.desired * r.maximumPercent / 100

	var d decision
	present, wanted, healthy := len(r.tasks), 0, 0
	for _, t := range r.tasks {
		if t.leaving {
			continue
		}
		if t.healthy {
			healthy++
		}
		if t.primary && !t.failing {
			wanted++
		}
	}
	if !r.frozen {
		d.start = max(0, min(r.desired-wanted, upper-present))
	}

	// Stop an unhealthy task at once, a healthy one only while enough others
	// remain.
	stop := func(t placed) {
		if t.healthy {
			if healthy-1 < lower {
				return
			}
			healthy--
		}
		d.stop = append(d.stop, t.id)
	}
	surplus := wanted - r.desired
	for _, t := range r.tasks {
		switch {
		case t.leaving:
		case t.failing, !t.primary:
			stop(t)
		case surplus > 0:
			surplus--
			stop(t)
		}
	}
	return d
}

// breakerThreshold is the number of failed tasks at which the circuit breaker
// calls a deployment failed: half of the desired ones, rounded up, within
// bounds.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
func breakerThreshold(desired int) int {
	return min(max((desired+1)/2, 3), 200)
}
