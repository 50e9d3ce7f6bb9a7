package main

import (
	"net/url"
	"time"

	"github.com/gchamon/devops-challenge/libs/config"
)

// settings are all that can be chosen. README.md has them as a table, which a
// test compares.
type settings struct {
	Listen    string        `key:"listen" placeholder:"host:port" help:"address to listen on; port 0 takes any free one" validate:"hostport"`
	Store     string        `key:"store" placeholder:"url" help:"where the lists are: file://./data, bolt://./todo.db, s3://bucket/prefix?region=&endpoint=&path_style=&checksums=, or mem:" validate:"required"`
	StoreWait time.Duration `key:"store_wait" help:"how long to wait at the start for a store that does not answer, instead of refusing to start" validate:"min=0"`

	PublicURL *url.URL `key:"public_url" placeholder:"url" help:"address at which clients find this server, for the links in its answers; when it is not set, each request's Host"`
	Page      bool     `key:"page" help:"serve the page at / besides the API"`
	Release   string   `key:"release" help:"name of what serves, told by /readyz; when it is not set, the version that was built"`

	AllowedHosts []string `key:"allowed_hosts" placeholder:"list" help:"hosts that requests may name besides that of public_url, or * for any; when it is not set, requests that arrive by loopback must name localhost or a loopback address" validate:"dive,eq=*|hostname_rfc1123|ip" expect:"* or host names without a port, such as todo.example.com"`
	CORSOrigins  []string `key:"cors_origins" placeholder:"list" help:"origins whose pages may use the API, or * for all" validate:"dive,eq=*|url" expect:"* or origins such as https://example.com"`

	RequestTimeout  time.Duration `key:"request_timeout" help:"how long to work on a request, at most" validate:"min=100ms"`
	ReadTimeout     time.Duration `key:"read_timeout" help:"how long a request may take to arrive" validate:"min=100ms"`
	WriteTimeout    time.Duration `key:"write_timeout" help:"how long a client may take to read the next 64 KiB of an answer" validate:"min=100ms"`
	IdleTimeout     time.Duration `key:"idle_timeout" help:"how long to keep an idle connection; longer than the load balancer in front does" validate:"min=1s"`
	ShutdownDelay   time.Duration `key:"shutdown_delay" help:"how long to go on serving after SIGTERM while /readyz says 503" validate:"min=0"`
	ShutdownTimeout time.Duration `key:"shutdown_timeout" help:"how long to wait after that for requests under way" validate:"min=100ms"`

	MaxStreams          int    `key:"max_streams" help:"event streams that may be open at a time" validate:"min=0"`
	MaxClientStreams    int    `key:"max_client_streams" help:"event streams that one client, an IPv4 address or IPv6 /64, may have open; 0 for any number; clients on this machine are exempt" validate:"min=0"`
	RateLimit           int    `key:"rate_limit" help:"requests a minute that one client may send; 0 for any number; clients on this machine are exempt" validate:"min=0"`
	ClientAddressHeader string `key:"client_address_header" placeholder:"name" help:"header in which the proxy in front puts the client's address, such as CloudFront-Viewer-Address; set it only when that proxy cannot be bypassed"`

	MemoryBudget config.ByteSize `key:"memory_budget" help:"memory that lists may take, in copies and in requests under way; 0 for three quarters of this process's limit (GOMEMLIMIT or the cgroup's), or for 1GiB without one" validate:"omitempty,min=16777216" expect:"0, or 16MiB or more"`

	KeepRemoved  time.Duration `key:"keep_removed" help:"how long removed items can be restored; older ones are not shown, and leave the store with the next write to their list; 0 for no bound but that of their number" validate:"min=0"`
	StaleFor     time.Duration `key:"stale_for" help:"how old a copy may be that answers reads while the store is away" validate:"min=0"`
	MaxLists     int           `key:"max_lists" help:"lists to keep in memory at a time" validate:"min=1"`
	ListIdle     time.Duration `key:"list_idle" help:"how long to keep a list in memory that nobody uses" validate:"min=1s"`
	WatchFastest time.Duration `key:"watch_fastest" help:"time between two looks at a list that is watched and in use, for changes by other servers" validate:"min=50ms"`
	WatchSlowest time.Duration `key:"watch_slowest" help:"the same for a list that is watched and quiet" validate:"gtefield=WatchFastest" expect:"watch_fastest or more"`

	LogLevel      string        `key:"log_level" help:"least level to log: debug, info, warn or error" validate:"oneof=debug info warn error"`
	LogFormat     string        `key:"log_format" help:"json or text" validate:"oneof=json text"`
	AccessLog     bool          `key:"access_log" help:"log each request"`
	NameDigestKey config.Secret `key:"name_digest_key" help:"key of the digests that logs and traces have in place of lists' names; when it is not set, a random one for each process" validate:"omitempty,min=16" expect:"at least 16 characters"`
	OTLPEndpoint  string        `key:"otlp_endpoint" placeholder:"url" help:"where to send traces by OTLP over HTTP, such as http://localhost:4318; none when it is not set" validate:"omitempty,url"`
}

func defaults() settings {
	return settings{
		Listen:           "127.0.0.1:8080",
		Store:            "file://./data",
		Page:             true,
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
			// The predecessor's variable, and the one that OpenTelemetry has.
			config.Alias("STORAGE_BUCKET", "store", func(bucket string) string { return "s3://" + bucket }),
			config.Alias("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint", nil),
		),
		config.File("todo-api.yaml"),
	}
}
