package tools_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The page's security.txt (RFC 9116) names the contact of SECURITY.md and is
// renewed before it expires, for at most a year at a time.
func TestSecurityTxt(t *testing.T) {
	fields := make(map[string][]string)
	for line := range strings.Lines(read(t, "../apps/web/public/.well-known/security.txt")) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			t.Fatalf("got the line %q, want a name and a value", line)
		}
		fields[name] = append(fields[name], value)
	}
	if contact := fields["Contact"]; len(contact) != 1 || !strings.Contains(read(t, "../SECURITY.md"), "("+contact[0]+")") {
		t.Errorf("Contact: got %q, want the address in SECURITY.md", contact)
	}
	expires := fields["Expires"]
	if len(expires) != 1 {
		t.Fatalf("Expires: got %q, want it once", expires)
	}
	end, err := time.Parse(time.RFC3339, expires[0])
	check(t, err)
	const month = 30 * 24 * time.Hour
	if left := time.Until(end); left < month || left > 13*month {
		t.Errorf("Expires: got %s, want it between 30 days and a year from now; check SECURITY.md and renew it", expires[0])
	}
	for name := range fields {
		if !slices.Contains([]string{"Contact", "Expires", "Policy", "Preferred-Languages", "Canonical"}, name) {
			t.Errorf("got the field %q, which RFC 9116 does not have", name)
		}
	}
}
