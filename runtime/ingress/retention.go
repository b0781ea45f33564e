package ingress

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"retain/model"
	"retain/runtime"
	"retain/service"
)

// Retention is the shortest time for which the server keeps the answer to a call
// under its idempotency key, over the handlers of a contract that retain calls, and whose
// that is: "Counter" or "Counter/add". It is an error if the server knows none of them.
func Retention(ctx context.Context, ep runtime.Endpoints, contract service.Contract) (shortest time.Duration, whose string, err error) {
	var answer struct {
		Services []struct {
			Name      string `json:"name"`
			Retention string `json:"idempotency_retention"`
			Handlers  []struct {
				Name      string `json:"name"`
				Retention string `json:"idempotency_retention"`
			} `json:"handlers"`
		} `json:"services"`
	}
	if err := Admin(ctx, ep, http.MethodGet, "/services", "", &answer); err != nil {
		return 0, "", err
	}
	see := func(text, of string) error {
		d, err := duration(text)
		if err == nil && (whose == "" || d < shortest) {
			shortest, whose = d, of
		}
		return err
	}
	for _, s := range answer.Services {
		inherits := false // the service's own is that of the handlers without one
		for _, h := range s.Handlers {
			switch {
			case !called(contract, s.Name, h.Name):
			case h.Retention == "":
				inherits = true
			default:
				if err := see(h.Retention, s.Name+"/"+h.Name); err != nil {
					return 0, "", err
				}
			}
		}
		if !inherits {
			continue
		}
		if err := see(s.Retention, s.Name); err != nil {
			return 0, "", err
		}
	}
	if whose == "" {
		return 0, "", fmt.Errorf("the server at %s knows no service that plans call", ep.Admin)
	}
	return shortest, whose, nil
}

// called reports whether plans or probes may call a handler of a contract, nil for one that
// is not known.
func called(contract service.Contract, of, handler string) bool {
	if contract != nil && !contract.Serves(of, handler) {
		return false
	}
	return of == ProbeService || slices.ContainsFunc(model.Kinds(), func(k model.Kind) bool {
		return k.Service() == of && slices.ContainsFunc(k.Spec().Handlers, func(h model.Handler) bool { return h.Name == handler })
	})
}

// part is one part of a duration as the admin API prints it.
var part = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*([a-zµ]+)[\s,]*`)

// units are those of the durations that the admin API prints ("1d", "5m 10s",
// "2 hours"); months and years are its own, of equal length.
var units = map[string]time.Duration{
	"y": 365 * 24 * time.Hour, "yr": 365 * 24 * time.Hour, "year": 365 * 24 * time.Hour,
	"mo": 30 * 24 * time.Hour, "month": 30 * 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
	"h": time.Hour, "hr": time.Hour, "hour": time.Hour,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"ms": time.Millisecond, "us": time.Microsecond, "µs": time.Microsecond, "ns": time.Nanosecond,
}

// longest is more than any session takes, and a duration can hold it.
const longest = 200 * 365 * 24 * time.Hour

// duration reads what the admin API prints.
func duration(text string) (time.Duration, error) {
	rest, sum := strings.TrimSpace(text), 0.0
	for rest != "" {
		m := part.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("the admin API prints a retention as %q, which can't be read", text)
		}
		n, err := strconv.ParseFloat(m[1], 64)
		unit, known := units[m[2]]
		if !known {
			unit, known = units[strings.TrimSuffix(m[2], "s")]
		}
		if err != nil || !known {
			return 0, fmt.Errorf("the admin API prints a retention as %q, which can't be read", text)
		}
		sum += n * float64(unit)
		rest = rest[len(m[0]):]
	}
	if text == "" {
		return 0, fmt.Errorf("the admin API prints no retention")
	}
	return time.Duration(min(sum, float64(longest))), nil
}
