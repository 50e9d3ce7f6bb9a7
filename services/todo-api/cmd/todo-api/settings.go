package main

import (
	"net/url"
	"time"

	"github.com/gchamon/devops-challenge/libs/config"
)

// settings are the program's settings. A test compares them with the table in
// README.md.
type settings struct {
	Listen      string        `key:"listen" placeholder:"host:port" help:"address to listen on; port 0 chooses a free port" validate:"hostport"`
	AdminListen string        `key:"admin_listen" placeholder:"host:port" help:"address of /metrics and the profiles below /debug/pprof/, for operators only; default: not served" validate:"omitempty,hostport"`
	Store       string        `key:"store" placeholder:"url" help:"store of the lists: file://./data, bolt://./todo.db, s3://bucket/prefix?region=&endpoint=&path_style=&checksums=, or mem:" validate:"required"`
	StoreWait   time.Duration `key:"store_wait" help:"how long to wait at startup for a store that does not answer, before exiting" validate:"min=0"`

	PublicURL *url.URL `key:"public_url" placeholder:"url" help:"public address of this server, for links in its answers; default: the Host header of each request"`
	Page      bool     `key:"page" help:"serve the page at /"`
	Release   string   `key:"release" help:"release name that /readyz reports; default: the version of the build"`

	AllowedHosts []string `key:"allowed_hosts" placeholder:"list" help:"host names that requests may use, in addition to that of public_url, or * for any; default: requests on loopback must use localhost or a loopback address" validate:"dive,eq=*|hostname_rfc1123|ip" expect:"* or host names without a port, such as todo.example.com"`
	PublicLists  bool     `key:"public_lists" help:"serve lists with plain names, which are open to everyone who knows the name; if false, every list needs a key"`
	CORSOrigins  []string `key:"cors_origins" placeholder:"list" help:"origins whose pages may use the API, or * for all" validate:"dive,eq=*|url" expect:"* or origins such as https://example.com"`

	OIDCIssuer   string   `key:"oidc_issuer" placeholder:"url" help:"OpenID Connect issuer whose tokens requests about lists must carry; default: no sign-in"`
	OIDCAudience string   `key:"oidc_audience" placeholder:"name" help:"audience that tokens must have"`
	OIDCAllow    []string `key:"oidc_allow" placeholder:"list" help:"claims, as claim=value, of which a token must have at least one: groups=todo, realm_access.roles=todo, email=@example.com; default: every valid token is accepted"`
	OIDCClientID string   `key:"oidc_client_id" placeholder:"name" help:"client ID with which the page signs people in; default: the page does not sign in"`
	OIDCScope    string   `key:"oidc_scope" placeholder:"list" help:"scopes that the page requests, separated by spaces"`
	HistoryNames bool     `key:"history_names" help:"with sign-in, record in the history who removed items"`

	RequestTimeout  time.Duration `key:"request_timeout" help:"maximum time to process a request" validate:"min=100ms"`
	ReadTimeout     time.Duration `key:"read_timeout" help:"maximum time for a request to arrive" validate:"min=100ms"`
	WriteTimeout    time.Duration `key:"write_timeout" help:"maximum time for a client to read the next 64 KiB of an answer" validate:"min=100ms"`
	IdleTimeout     time.Duration `key:"idle_timeout" help:"how long to keep an idle connection; must be longer than the load balancer's" validate:"min=1s"`
	ShutdownDelay   time.Duration `key:"shutdown_delay" help:"how long to go on serving after SIGTERM while /readyz answers 503" validate:"min=0"`
	ShutdownTimeout time.Duration `key:"shutdown_timeout" help:"how long to wait after that for requests in progress" validate:"min=100ms"`

	MaxStreams          int    `key:"max_streams" help:"maximum number of open event streams" validate:"min=0,max=1000000000"`
	MaxClientStreams    int    `key:"max_client_streams" help:"maximum number of open event streams of one client, an IPv4 address or IPv6 /64; 0 for no limit; clients on this machine are exempt" validate:"min=0,max=1000000000"`
	RateLimit           int    `key:"rate_limit" help:"maximum units of work of one client per minute: a request is one, more for a large list or many operations; 0 for no limit; clients on this machine are exempt" validate:"min=0,max=1000000000"`
	ClientAddressHeader string `key:"client_address_header" placeholder:"name" help:"header in which the proxy sends the client's address, such as CloudFront-Viewer-Address; set it only if clients cannot bypass the proxy"`

	MemoryBudget config.ByteSize `key:"memory_budget" help:"memory for cached lists and requests in progress; 0 for three quarters of the process's limit (GOMEMLIMIT or the cgroup's), or 1GiB without a limit" validate:"omitempty,min=16777216" expect:"0, or 16MiB or more"`

	KeepRemoved  time.Duration `key:"keep_removed" help:"how long removed items can be restored; older ones are hidden, and deleted with the next change of their list; 0 for no time limit" validate:"min=0"`
	StaleFor     time.Duration `key:"stale_for" help:"maximum age of the copy that answers reads while the store does not answer; 0 for none" validate:"min=0"`
	MaxLists     int           `key:"max_lists" help:"maximum number of lists in memory" validate:"min=1,max=1000000000"`
	ListIdle     time.Duration `key:"list_idle" help:"how long to keep an unused list in memory" validate:"min=1s"`
	WatchFastest time.Duration `key:"watch_fastest" help:"minimum interval for polling a watched list for changes by other servers" validate:"min=50ms"`
	WatchSlowest time.Duration `key:"watch_slowest" help:"maximum poll interval, of a watched list that does not change" validate:"gtefield=WatchFastest" expect:"watch_fastest or more"`
	Hints        config.Secret `key:"hints" placeholder:"url" help:"Redis or Valkey server through which servers with the same store announce changes, redis://[user:password@]host[:port] or rediss://; it sees the names of lists. Changes by other servers show at once, and watched lists are polled once a minute while it answers"`

	LogLevel      string        `key:"log_level" help:"minimum log level: debug, info, warn or error" validate:"oneof=debug info warn error"`
	LogFormat     string        `key:"log_format" help:"log format: json or text" validate:"oneof=json text"`
	AccessLog     bool          `key:"access_log" help:"log each request"`
	NameDigestKey config.Secret `key:"name_digest_key" help:"key of the digests that replace list names in logs and traces; default: a random key for each process" validate:"omitempty,min=16" expect:"at least 16 characters"`
	OTLPEndpoint  string        `key:"otlp_endpoint" placeholder:"url" help:"OTLP over HTTP endpoint for traces, such as http://localhost:4318; default: no traces" validate:"omitempty,url"`
}

func defaults() settings {
	return settings{
		Listen:           "127.0.0.1:8080",
		Store:            "file://./data",
		Page:             true,
		PublicLists:      true,
		HistoryNames:     true,
		OIDCScope:        "openid profile email offline_access",
		RequestTimeout:   10 * time.Second,
		ReadTimeout:      10 * time.Second,
		WriteTimeout:     20 * time.Second,
		IdleTimeout:      75 * time.Second,
		ShutdownTimeout:  20 * time.Second,
		MaxStreams:       10_000,
		MaxClientStreams: 500,
		RateLimit:        6_000,
		StaleFor:         10 * time.Minute,
		MaxLists:         10_000,
		ListIdle:         10 * time.Minute,
		WatchFastest:     time.Second,
		WatchSlowest:     10 * time.Second,
		LogLevel:         "info",
		LogFormat:        "json",
		AccessLog:        true,
	}
}

func sources(args, environ []string, operands *[]string) []config.Source {
	return []config.Source{
		config.Args(args, operands),
		config.Env("TODO_", environ,
			// The variables of v1 and of OpenTelemetry.
			config.Alias("STORAGE_BUCKET", "store", func(bucket string) string { return "s3://" + bucket }),
			config.Alias("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint", nil),
		),
		config.File("todo-api.yaml"),
	}
}
