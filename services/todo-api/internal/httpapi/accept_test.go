package httpapi

import "testing"

func TestMediaTypes(t *testing.T) {
	a := serve(t, nil)
	for contentType, status := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "application/json;charset=UTF-8": 200, "application/json; charset=utf8": 200, `application/json; charset="utf-8"`: 200, "application/json; profile=x": 200, "Application/JSON": 200,
		"application/json; charset=latin1": 415, "text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415,
		"": 415, "application/jsonx": 415, "application/json, text/plain": 415, "json": 415, "application/merge-patch+json": 415, "*/*": 415,
	} {
		a.Expect(status, "PUT", "/api/state/l", "[]", "Content-Type", contentType)
	}
	a.Expect(200, "PATCH", "/api/lists/l/todos", `{"completed":true}`, "Content-Type", "application/merge-patch+json")
	a.Expect(415, "POST", "/api/lists/l/todos", `{"title":"x"}`, "Content-Type", "application/merge-patch+json")
	for accept, ok := range map[string]bool{
		"*/*": true, "": true, "application/json": true, "application/*": true, "text/html, application/json;q=0.5": true, "text/html,*/*;q=0.1": true,
		"application/json; charset=utf-8": true, "application/json;charset=utf8;q=0.9, text/html": true, "APPLICATION/JSON": true, "text/html ;q=1 , application/*;q=0.2": true,
		"application/json;q=0, */*": false, "*/*;q=0": false, "application/*;q=0, */*;q=0.5": false, "application/json;q=0": false, "application/json;charset=latin1": false, `text/html;x="a,b/*", application/json`: true, `text/html;x="application/json,"`: false,
		"text/html": false, "application/xml": false, "text/event-stream": false, "image/*": false,
	} {
		for _, r := range [][3]string{
			{"PUT", "/api/state/l", "[]"}, {"GET", "/api/state/l", ""}, {"GET", "/api/lists/l/todos", ""}, {"PATCH", "/api/lists/l/todos", `{"completed":true}`},
		} {
			status := 200
			if !ok {
				status = 406
			}
			a.Expect(status, r[0], r[1], r[2], "Accept", accept)
		}
		a.Expect(204, "DELETE", "/api/lists/l/todos", "", "Accept", accept)
	}
	a.Expect(406, "GET", "/api/lists/l/events", "", "Accept", "application/json")
}
