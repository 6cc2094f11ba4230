package main

import (
	"context"
	"net/url"
	"strings"
)

// custody asks the webhook and the health address of staging. Nothing is deployed: the webhook is asked for its headers
// alone, without a signature.
func (x *doctor) custody(ctx context.Context) []finding {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var checks []finding
	staging := x.config.Staging.settings()
	if staging.Webhook != "" {
		place := host(staging.Webhook)
		if err := staging.Answers(ctx); err != nil {
			checks = append(checks, bad("webhook", place+": "+err.Error(), "look at webhook = … under [staging], and whether somebody listens there"))
		} else {
			checks = append(checks, good("webhook", place+" answers"))
		}
	}
	if staging.Health != "" {
		place := host(staging.Health)
		if shown, err := staging.Shown(ctx); err != nil {
			checks = append(checks, bad("health", place+": "+err.Error(), "without a commit there, every merge counts as unhealthy: look at health and health_field under [staging]"))
		} else {
			checks = append(checks, good("health", place+" shows "+strings.Join(shown[:min(len(shown), 3)], ", ")))
		}
	}
	return checks
}

// host is the part of an address that holds no secret.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address"
	}
	return u.Scheme + "://" + u.Host
}
