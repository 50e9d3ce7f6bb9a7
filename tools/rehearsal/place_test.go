//go:build rehearsal

package rehearsal

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/gchamon/devops-challenge/tools/ecsstandin"
	"github.com/gchamon/devops-challenge/tools/internal/balancer"
	"github.com/gchamon/devops-challenge/tools/internal/freeport"
)

// place is an environment as Terraform leaves it: an account with buckets, a
// registry, a service, and a site before both.
type place struct {
	name, account string
	site          string
	image         string // repository_url
	website       string // a bucket
	releases      string // a bucket
	cluster       string
	ecs           string   // address of its stand-in
	keys          []string // credentials of the account, and where its ECS is, for a process's environment
	login         string   // the registry's, as HTTP's basic authentication has it
	issuer        *issuer  // where people sign in; nil if anybody may use lists
	standin       *ecsstandin.Standin
}

// startPlace makes an environment. Those of the other names publish the same
// parameter with other prefixes of its buckets; one that is called lost names a
// bucket that does not exist. With signIn, its API requires sign-in.
func (s *stage) startPlace(name, account string, signIn bool, others ...string) *place {
	s.t.Helper()
	registryAddress := freeport.Address(s.t)
	p := &place{
		name: name, account: account, site: "http://" + freeport.Address(s.t), image: registryAddress + "/todo", cluster: "todo-" + name,
		website: "todo-" + name + "-website-" + account, releases: "todo-" + name + "-releases-" + account,
	}
	if signIn {
		p.issuer = s.startIssuer(p.site)
	}
	key := s.seed(p, others)
	s.startRegistry(p, registryAddress)
	s.startCluster(p, key)
	return p
}

func (p *place) arn(service, rest, region string) string {
	return "arn:aws:" + service + ":" + region + ":" + p.account + ":" + rest
}

// role is the ARN of a role of the tasks.
func (p *place) role(of string) string { return p.arn("iam", "role/"+p.cluster+"-api-"+of, "") }

// seed makes what Terraform makes, and notes what it publishes. It returns the
// id of the credentials.
func (s *stage) seed(p *place, others []string) (key string) {
	published := map[string]any{}
	for _, environment := range append(others, p.name) {
		website := p.website
		if environment == "lost" {
			website = "todo-no-such-bucket"
		}
		published[environment] = map[string]any{
			"environment": environment, "region": s.region, "account_id": p.account, "site_url": p.site,
			"repository_url": p.image, "repository_name": "todo",
			"cluster": p.cluster, "service": service, "task_family": p.cluster + "-api", "container": "todo-api", "desired_count": 2,
			"task_role_arn": p.role("task"), "execution_role_arn": p.role("execution"), "log_group": "/" + p.cluster + "-api",
			"website_bucket": website, "releases_bucket": p.releases, "releases_prefix": environment + "/",
		}
	}
	out := s.python(map[string]any{
		"project": s.project, "region": s.region, "account": p.account, "buckets": []string{p.website, p.releases}, "published": published,
	}, s.env, "seed.py")
	var made struct {
		Key, Secret, Session, Login string
		Published                   map[string]json.RawMessage
	}
	s.check(json.Unmarshal([]byte(out), &made))
	maps.Copy(s.published, made.Published)
	p.login = made.Login
	p.keys = []string{"AWS_ACCESS_KEY_ID=" + made.Key, "AWS_SECRET_ACCESS_KEY=" + made.Secret, "AWS_SESSION_TOKEN=" + made.Session}
	return made.Key
}

// startRegistry starts a registry that requires the password that ECR gives in
// its account, and notes what each request takes of IAM.
func (s *stage) startRegistry(p *place, address string) {
	listener, err := net.Listen("tcp", address)
	s.check(err)
	notes, err := os.OpenFile(filepath.Join(s.calls, p.name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	s.check(err)
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	guarded := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Basic "+p.login {
			w.Header().Set("WWW-Authenticate", `Basic realm="ecr"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"Not Authorized"}]}`, http.StatusUnauthorized)
			return
		}
		for _, action := range actions(r) {
			fmt.Fprintf(notes, `{"call":"registry","takes":%q}`+"\n", action)
		}
		write := r.Method != http.MethodGet && r.Method != http.MethodHead
		if write && !s.pushes.pass(r) {
			return
		}
		if s.refusePush.Load() && write {
			http.Error(w, `{"errors":[{"code":"DENIED","message":"not authorized to perform: ecr:InitiateLayerUpload"}]}`, http.StatusForbidden)
			return
		}
		images.ServeHTTP(w, r)
	})}
	go func() { _ = guarded.Serve(listener) }()
	s.ends.Cleanup(func() {
		guarded.Close()
		notes.Close()
	})
}

// actions are what ECR asks of IAM for a request of the registry's protocol.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
func actions(r *http.Request) []string {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch path := r.URL.Path; {
	case strings.Contains(path, "/manifests/") && read:
		return []string{"ecr:BatchGetImage"}
	case strings.Contains(path, "/manifests/"):
		return []string{"ecr:PutImage"}
	case strings.Contains(path, "/blobs/uploads/") && r.Method == http.MethodPost:
		return []string{"ecr:InitiateLayerUpload"}
	case strings.Contains(path, "/blobs/uploads/") && r.Method == http.MethodPatch:
		return []string{"ecr:UploadLayerPart"}
	case strings.Contains(path, "/blobs/uploads/"):
		return []string{"ecr:CompleteLayerUpload"}
	case strings.Contains(path, "/blobs/") && r.Method == http.MethodHead:
		return []string{"ecr:BatchCheckLayerAvailability"}
	case strings.Contains(path, "/blobs/"):
		return []string{"ecr:GetDownloadUrlForLayer"}
	}
	return nil // the version of the protocol
}

// startCluster makes the service as Terraform leaves it: with a task
// definition whose image does not exist, and no tasks.
func (s *stage) startCluster(p *place, key string) {
	dir := filepath.Join(s.dir, p.name)
	s.check(os.Mkdir(dir, 0o700))
	host, _, _ := strings.Cut(p.image, "/")
	auth, err := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{"auth": p.login}}})
	s.check(err)
	s.check(os.WriteFile(filepath.Join(dir, "config.json"), auth, 0o600))
	policy := "default-src 'self'"
	if p.issuer != nil {
		policy += "; connect-src 'self' " + p.issuer.address
	}
	targetGroup := balancer.TargetGroup{
		// Checked more often than a cloud does, so that no step waits for the next check of a task that is ready.
		Arn: p.arn("elasticloadbalancing", "targetgroup/"+p.cluster+"/0123456789abcdef", s.region), Path: "/readyz", Interval: time.Second, Timeout: 2 * time.Second,
		HealthyThreshold: 2, UnhealthyThreshold: 10, DeregistrationDelay: 10 * time.Second,
	}
	front := balancer.Start(s.ends, balancer.Front{
		Listen: strings.TrimPrefix(p.site, "http://"), Paths: []string{"/api/", "/livez", "/readyz"}, TargetGroup: targetGroup,
		Bucket: s.moto, Name: p.website, Index: "index.html",
		Authorization: "AWS4-HMAC-SHA256 Credential=" + key + "/20260101/" + s.region + "/s3/aws4_request, SignedHeaders=host, Signature=0",
		Headers: map[string]string{
			"Content-Security-Policy": policy, "Strict-Transport-Security": "max-age=63072000",
			"X-Content-Type-Options": "nosniff",
		},
	})
	file, err := os.Create(filepath.Join(s.logs, "ecs-"+p.name+".log"))
	s.check(err)
	s.ends.Cleanup(func() { file.Close() })
	s.ends.Cleanup(p.removeImages)
	p.standin = ecsstandin.Start(s.ends, ecsstandin.Config{
		Name: s.network + "-" + p.name, Account: p.account, Region: s.region, Cluster: p.cluster,
		Engine: ecsstandin.Engine{Network: s.network, ConfigDir: dir}, Balancer: front,
		TaskEnvironment: map[string]string{"AWS_ACCESS_KEY_ID": "task", "AWS_SECRET_ACCESS_KEY": "task"},
		Log: func(format string, args ...any) {
			fmt.Fprintf(file, time.Now().Format("15:04:05.000 ")+format+"\n", args...)
		},
	})
	api := httptest.NewServer(p.standin)
	s.ends.Cleanup(api.Close)
	p.ecs = api.URL
	p.keys = append(p.keys, "AWS_ENDPOINT_URL_ECS="+api.URL)

	s.define(p)
	s.call(p, "CreateService", map[string]any{
		"cluster": p.cluster, "serviceName": service, "taskDefinition": p.cluster + "-api", "desiredCount": 0, "healthCheckGracePeriodSeconds": 10,
		"deploymentConfiguration": map[string]any{
			"minimumHealthyPercent": 100, "maximumPercent": 200,
			"deploymentCircuitBreaker": map[string]bool{"enable": true, "rollback": true},
		},
		"loadBalancers": []any{map[string]any{"targetGroupArn": targetGroup.Arn, "containerName": "todo-api", "containerPort": 8080}},
	})
}

// define registers a task definition as Terraform does.
func (s *stage) define(p *place) {
	settings := map[string]string{
		"GOMEMLIMIT": "230MiB",
		"TODO_STORE": "s3://" + lists + "/" + p.name + "?region=" + s.region + "&endpoint=http://lists:4566&path_style=true",
	}
	volumes, mounts := []any{}, []any{}
	if p.issuer != nil {
		maps.Copy(settings, p.issuer.settings(s))
		volumes = append(volumes, map[string]any{"name": "ca", "host": map[string]string{"sourcePath": p.issuer.certificates}})
		mounts = append(mounts, map[string]any{"sourceVolume": "ca", "containerPath": mounted, "readOnly": true})
	}
	var environment []map[string]string
	for name, value := range settings {
		environment = append(environment, map[string]string{"name": name, "value": value})
	}
	s.call(p, "RegisterTaskDefinition", map[string]any{
		"family": p.cluster + "-api", "networkMode": "bridge", "requiresCompatibilities": []string{"EC2"}, "cpu": "256",
		"taskRoleArn": p.role("task"), "executionRoleArn": p.role("execution"), "volumes": volumes,
		"tags": []any{map[string]string{"key": "environment", "value": p.name}},
		"containerDefinitions": []any{map[string]any{
			"name": "todo-api", "image": p.image + ":not-yet-deployed", "essential": true, "cpu": 256, "memory": 256, "memoryReservation": 128,
			"portMappings": []any{map[string]any{"containerPort": 8080, "hostPort": 0, "protocol": "tcp"}},
			"environment":  environment, "mountPoints": mounts,
			"user": "65532:65532", "privileged": false, "readonlyRootFilesystem": true, "stopTimeout": 30,
			"linuxParameters": map[string]any{"initProcessEnabled": false, "capabilities": map[string]any{"drop": []string{"ALL"}, "add": []string{}}},
			"ulimits":         []any{map[string]any{"name": "nofile", "softLimit": 65536, "hardLimit": 65536}},
			"logConfiguration": map[string]any{"logDriver": "awslogs", "options": map[string]string{
				"awslogs-group": "/" + p.cluster + "-api", "awslogs-region": s.region, "awslogs-stream-prefix": service,
			}},
		}},
	})
}

func (p *place) removeImages() {
	out, err := try(".", nil, "docker", "images", "--quiet", "--no-trunc", p.image)
	if err != nil {
		return
	}
	for id := range strings.FieldsSeq(out) {
		_, _ = try(".", nil, "docker", "rmi", "--force", id)
	}
}

// call calls ECS without a signature.
func (s *stage) call(p *place, action string, request any) {
	s.t.Helper()
	body, err := json.Marshal(request)
	s.check(err)
	s.request(http.DefaultClient, http.StatusOK, http.MethodPost, p.ecs, string(body), "X-Amz-Target", "AmazonEC2ContainerServiceV20141113."+action)
}
