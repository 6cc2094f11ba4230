package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDoctorAsksStagingAndDeploysNothing(t *testing.T) {
	said := "up since noon"
	posts := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts++
		}
		if r.URL.Path == "/hook" {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		fmt.Fprint(w, said)
	}))
	defer server.Close()
	x := &doctor{&daemon{config: defaults()}}
	x.config.Staging.Webhook, x.config.Staging.Health = server.URL+"/hook?token=canary", server.URL+"/health"
	told := func() string {
		var b strings.Builder
		for _, f := range x.custody(t.Context()) {
			fmt.Fprintln(&b, f.OK, f.Name, f.Detail)
		}
		return b.String()
	}
	if got := told(); !strings.Contains(got, "true webhook "+server.URL+" answers\n") || !strings.Contains(got, "false health "+server.URL+": it names no commit") {
		t.Errorf("told:\n%s", got)
	}
	said = "running 9f3c2a1"
	if got := told(); !strings.Contains(got, "true health "+server.URL+" shows 9f3c2a1") {
		t.Errorf("told:\n%s", got)
	}
	server.Close()
	if got := told(); strings.Contains(got, "true") || strings.Contains(got, "canary") {
		t.Errorf("nobody is there, and told is:\n%s", got)
	}
	if posts > 0 {
		t.Errorf("%d webhooks were sent", posts)
	}
}
