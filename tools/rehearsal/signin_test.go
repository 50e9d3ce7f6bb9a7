//go:build rehearsal

package rehearsal

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gchamon/devops-challenge/tools/internal/server"
)

// issuer is a certified OpenID Connect provider, where people and programs sign
// in. A bundle in certificates has its certificate, as of a company's own CA.
type issuer struct {
	address      string
	certificates string // a directory
	client       *http.Client
}

const (
	audience = "https://todo.example"
	bundle   = "ca.pem"
	mounted  = "/etc/ca" // in tasks
)

// startIssuer starts the provider at the address that this machine has in the
// tasks' network, which tasks and playbooks both reach. The page at the site may
// sign people in there.
func (s *stage) startIssuer(site string) *issuer {
	s.t.Helper()
	host := s.command(".", nil, "docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", s.network)
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		s.t.Fatalf("the gateway of the engine's network is not an address of this machine: %v", err)
	}
	p := &issuer{address: "https://" + listener.Addr().String(), certificates: filepath.Join(s.dir, "certificates")}
	listener.Close()
	certified := p.certify(s, host)
	s.serve(server.Command{
		Name: "issuer", Addr: listener.Addr().String(), Dir: filepath.Join(s.repository, "apps", "web"),
		Args: []string{"node", filepath.Join("e2e", "provider.js"), p.address, host, audience, site + "/"},
		Env:  []string{"TLS_CERT=" + certified, "TLS_KEY=" + certified},
	})
	return p
}

// certify makes a certificate of the address and returns the file that holds it and
// its key. The bundle has it and what this process trusts.
func (p *issuer) certify(s *stage, address string) (file string) {
	file = filepath.Join(s.dir, "issuer.pem")
	s.command(s.dir, nil, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
		"-subj", "/CN=rehearsal", "-addext", "subjectAltName=IP:"+address, "-out", "certificate.pem", "-keyout", "key.pem")
	certificate, err := os.ReadFile(filepath.Join(s.dir, "certificate.pem"))
	s.check(err)
	key, err := os.ReadFile(filepath.Join(s.dir, "key.pem"))
	s.check(err)
	// A build that fetches packages trusts what it trusted before.
	var before []byte
	if trusted := os.Getenv("SSL_CERT_FILE"); trusted != "" {
		before, err = os.ReadFile(trusted)
		s.check(err)
	}
	s.check(os.Mkdir(p.certificates, 0o755))
	s.check(os.WriteFile(filepath.Join(p.certificates, bundle), slices.Concat(certificate, before), 0o644))
	s.check(os.WriteFile(file, slices.Concat(certificate, key), 0o644))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	p.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	return file
}

// settings are what the environment's variable sign_in makes of the tasks'
// settings, and where the tasks find the issuer's certificate.
func (p *issuer) settings(s *stage) map[string]string {
	s.t.Helper()
	module, err := filepath.Abs(filepath.Join("..", "..", "infra", "terraform", "modules", "sign_in"))
	s.check(err)
	dir := filepath.Join(s.dir, "sign-in")
	s.check(os.CopyFS(filepath.Join(dir, "sign_in"), os.DirFS(module)))
	root, err := json.Marshal(map[string]any{
		"module": map[string]any{"sign_in": map[string]any{
			"source": "./sign_in", "sign_in": map[string]any{
				"issuer": p.address, "audience": audience, "client_id": "page", "allow": []string{"client_id=script", "client_id=page"},
			},
		}},
		"output": map[string]any{"environment": map[string]any{"value": "${module.sign_in.environment}"}},
	})
	s.check(err)
	s.check(os.WriteFile(filepath.Join(dir, "main.tf.json"), root, 0o644))
	s.command(dir, nil, "terraform", "init", "-input=false", "-no-color")
	s.command(dir, nil, "terraform", "apply", "-input=false", "-auto-approve", "-no-color")
	var settings map[string]string
	s.check(json.Unmarshal([]byte(s.command(dir, nil, "terraform", "output", "-json", "environment")), &settings))
	settings["SSL_CERT_FILE"] = mounted + "/" + bundle
	return settings
}

// inventory are the variables of an environment where people sign in.
func (p *issuer) inventory() map[string]any {
	return map[string]any{
		"frontend_config": map[string]any{
			"apiBase": "", "signIn": map[string]string{"issuer": p.address, "clientId": "page", "audience": audience, "scope": "openid profile"},
		},
		"smoke_token_url": p.address + "/token", "smoke_client_id": "script", "smoke_token_request": map[string]string{"resource": audience},
	}
}

// token signs a program in.
func (p *issuer) token(s *stage) string {
	s.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {audience}}.Encode()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("script:secret"))
	a := s.request(p.client, http.StatusOK, http.MethodPost, p.address+"/token", form, "Content-Type", "application/x-www-form-urlencoded", "Authorization", basic)
	var given struct {
		Token string `json:"access_token"`
	}
	s.check(json.Unmarshal(a.Body, &given))
	return given.Token
}
