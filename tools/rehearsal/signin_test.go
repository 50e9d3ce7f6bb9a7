//go:build rehearsal

package rehearsal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
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
	host := command(s.t, ".", nil, "docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", s.network)
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		s.t.Fatalf("the gateway of the engine's network is not an address of this machine: %v", err)
	}
	p := &issuer{address: "https://" + listener.Addr().String(), certificates: filepath.Join(s.dir, "certificates")}
	listener.Close()
	certificate, key := p.certify(s, net.ParseIP(host))
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	p.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}

	cmd := exec.Command("node", filepath.Join("e2e", "provider.js"), p.address, host, audience, site+"/")
	cmd.Dir = filepath.Join(s.repository, "apps", "web")
	cmd.Env = append(surroundings(), "TLS_CERT="+key, "TLS_KEY="+key)
	s.serve("issuer", cmd, func() error { return answers(p.client, p.address+"/.well-known/openid-configuration") })
	return p
}

// certify makes a certificate of the address and returns it, with the file that
// holds it and its key. The bundle has it and what this process trusts.
func (p *issuer) certify(s *stage, address net.IP) (certificate *x509.Certificate, keyFile string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{address}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	certificate, err = x509.ParseCertificate(der)
	if err != nil {
		s.t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	// A build that fetches packages trusts what it trusted before.
	before, err := os.ReadFile(os.Getenv("SSL_CERT_FILE"))
	if err != nil && os.Getenv("SSL_CERT_FILE") != "" {
		s.t.Fatal(err)
	}
	keyFile = filepath.Join(s.dir, "issuer.pem")
	if err := os.Mkdir(p.certificates, 0o755); err != nil {
		s.t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		filepath.Join(p.certificates, bundle): slices.Concat(public, before),
		keyFile:                               slices.Concat(public, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
	} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	return certificate, keyFile
}

// settings are what the environment's variable sign_in makes of the tasks'
// settings, and where the tasks find the issuer's certificate.
func (p *issuer) settings(s *stage) map[string]string {
	s.t.Helper()
	module, err := filepath.Abs(filepath.Join("..", "..", "infra", "terraform", "modules", "sign_in"))
	if err != nil {
		s.t.Fatal(err)
	}
	dir := filepath.Join(s.dir, "sign-in")
	if err := os.CopyFS(filepath.Join(dir, "sign_in"), os.DirFS(module)); err != nil {
		s.t.Fatal(err)
	}
	root, err := json.Marshal(map[string]any{
		"module": map[string]any{"sign_in": map[string]any{
			"source": "./sign_in", "sign_in": map[string]any{
				"issuer": p.address, "audience": audience, "client_id": "page", "allow": []string{"client_id=script", "client_id=page"},
			},
		}},
		"output": map[string]any{"environment": map[string]any{"value": "${module.sign_in.environment}"}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.tf.json"), root, 0o644); err != nil {
		s.t.Fatal(err)
	}
	command(s.t, dir, nil, "terraform", "init", "-input=false", "-no-color")
	command(s.t, dir, nil, "terraform", "apply", "-input=false", "-auto-approve", "-no-color")
	var settings map[string]string
	if err := json.Unmarshal([]byte(command(s.t, dir, nil, "terraform", "output", "-json", "environment")), &settings); err != nil {
		s.t.Fatal(err)
	}
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
func (p *issuer) token() (string, error) {
	request, err := http.NewRequest(http.MethodPost, p.address+"/token", strings.NewReader(url.Values{
		"grant_type": {"client_credentials"}, "resource": {audience},
	}.Encode()))
	if err != nil {
		return "", err
	}
	request.SetBasicAuth("script", "secret")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := p.client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var given struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&given); err != nil {
		return "", err
	}
	if given.Token == "" {
		return "", fmt.Errorf("the issuer answers %s: %s", answer.Status, given.Error)
	}
	return given.Token, nil
}
