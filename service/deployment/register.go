package deployment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/cenkalti/backoff/v5"

	"retain/internal/printable"
	"retain/service"
)

// Registration is what a server says of a deployment that it took in.
type Registration struct {
	// ID is the server's id of the deployment.
	ID       string
	Contract service.Contract
	// SDK names that of the handlers, "sdk java 2.4.0 (2a001aec)"; "" if they told none.
	SDK string
}

// Register makes a deployment known to the server whose admin API is at adminURL. It
// tries again until the server answers or ctx ends, so ctx should have a deadline. To
// register a deployment that is known already is no error.
func Register(ctx context.Context, client *http.Client, adminURL, url string) (Registration, error) {
	// Only an answer from the server stays: how a try ended that ctx cut off
	// says less than the one before.
	var last error
	var r Registration
	err := retry(ctx, func() (err error) {
		r, err = post(ctx, client, adminURL, url)
		if err != nil && ctx.Err() == nil {
			last = err
		}
		return err
	})
	if err != nil && ctx.Err() != nil && last != nil {
		err = fmt.Errorf("%w; the last try: %w", context.Cause(ctx), last)
	}
	if err != nil {
		return Registration{}, fmt.Errorf("registering the deployment %s with the server at %s: %w", url, adminURL, err)
	}
	return r, nil
}

func post(ctx context.Context, client *http.Client, adminURL, url string) (Registration, error) {
	body, err := json.Marshal(map[string]any{"uri": url, "use_http_11": false})
	if err != nil {
		return Registration{}, backoff.Permanent(err)
	}
	answer, err := exchange(ctx, client, http.MethodPost, adminURL+"/deployments", body)
	if err != nil {
		return Registration{}, err
	}
	return registrationOf(answer)
}

func registrationOf(answer []byte) (Registration, error) {
	var registered struct {
		ID       string `json:"id"`
		SDK      string `json:"sdk_version"`
		Services []struct {
			Name     string `json:"name"`
			Public   *bool  `json:"public"`
			Handlers []struct {
				Name   string `json:"name"`
				Kind   string `json:"ty"`
				Public *bool  `json:"public"`
			} `json:"handlers"`
		} `json:"services"`
	}
	if err := json.Unmarshal(answer, &registered); err != nil {
		return Registration{}, backoff.Permanent(fmt.Errorf("reading the admin API's answer: %w", err))
	}
	if registered.ID == "" {
		return Registration{}, backoff.Permanent(errors.New("the admin API's answer names no deployment: is this a Restate server?"))
	}
	contract := service.Contract{}
	for _, s := range registered.Services {
		for _, h := range s.Handlers {
			kind := service.HandlerType(strings.ToLower(h.Kind))
			if s.Public != nil && !*s.Public || h.Public != nil && !*h.Public {
				kind = service.Private
			}
			contract[s.Name+"/"+h.Name] = kind
		}
	}
	return Registration{ID: registered.ID, Contract: contract, SDK: sdkOf(registered.SDK)}, nil
}

const (
	// sdkPrefix begins what the official SDKs call themselves: "restate-sdk-java/2.4.0_2a001aec".
	sdkPrefix = "restate-sdk-"
	// maxSDK bounds the name of an SDK, in columns.
	maxSDK = 80
)

// sdkOf is the name of an SDK for a reader.
func sdkOf(told string) string {
	if told == "" {
		return ""
	}
	name, version, _ := strings.Cut(printable.Cut(told, maxSDK), "/")
	release, build, built := strings.Cut(version, "_")
	text := strings.TrimSpace("sdk " + strings.TrimPrefix(name, sdkPrefix) + " " + strings.TrimPrefix(release, "v"))
	if built {
		text += " (" + build + ")"
	}
	return text
}
