package container

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"retain/runtime"
	"retain/runtime/binary"
)

// official is the repository of Restate's own images.
const official = "docker.io/restatedev/restate"

// built is the repository of the images built here.
const built = "retain/restate-server"

// pullSilence is how long a download may make no progress, so that a registry
// that does not answer ends in an error and not in a hang. A variable for the
// tests.
var pullSilence = 20 * time.Second

// substitutes are the images built here that are used in this process: whether
// the official one can be pulled is not tried again and again.
var substitutes struct {
	sync.Mutex
	known map[string]bool // by reference
}

// image returns the reference of the image to run, which is on the daemon: the one that a
// person named or, for "", that of a release.
func (d *daemon) image(ctx context.Context, named, version string, notice func(string)) (string, error) {
	if named != "" {
		if err := d.ensure(ctx, named, credentials, notice); err != nil {
			return "", fmt.Errorf("get the image %s: %s; it is not on this machine either", named, firstLine(err))
		}
		return named, nil
	}
	substitutes.Lock()
	defer substitutes.Unlock()
	substitute := built + ":" + version
	if substitutes.known[substitute] {
		return substitute, nil
	}
	reference := official + ":" + version
	unavailable := d.ensure(ctx, reference, credentials, notice)
	if unavailable == nil {
		return reference, nil
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("get the image %s: %w", reference, context.Cause(ctx))
	}
	why := fmt.Sprintf("the image %s can't be pulled (%s)", reference, firstLine(unavailable))
	if d.has(ctx, substitute) {
		notice(fmt.Sprintf("%s: using %s, built here before from the npm package", why, substitute))
	} else if err := d.build(ctx, notice, version, substitute); errors.Is(err, binary.ErrVersion) {
		return "", fmt.Errorf("%w; %s", err, why)
	} else if err != nil {
		return "", fmt.Errorf("%s, nor one be built: %w", why, err)
	} else {
		notice(fmt.Sprintf("%s: using %s, built here from the npm package", why, substitute))
	}
	if substitutes.known == nil {
		substitutes.known = map[string]bool{}
	}
	substitutes.known[substitute] = true
	return substitute, nil
}

// ImageID gets the image that [New] would run, as it does, and returns its id:
// "sha256:" and hex.
func ImageID(ctx context.Context, s runtime.Settings, opts ...Option) (string, error) {
	docker, err := dialSoon(ctx)
	if err != nil {
		return "", err
	}
	defer docker.Close()
	o := collect(opts)
	docker.prepare(ctx, o.notice)
	version := s.Version
	if version == "" {
		version = runtime.DefaultVersion
	}
	reference, err := docker.image(ctx, o.own(version), version, o.notice)
	if err != nil {
		return "", err
	}
	image, err := docker.ImageInspect(ctx, reference)
	if err != nil {
		return "", fmt.Errorf("look at the image %s: %w", reference, err)
	}
	return image.ID, nil
}

// has reports whether the image is on the daemon.
func (d *daemon) has(ctx context.Context, reference string) bool {
	_, err := d.ImageInspect(ctx, reference)
	return err == nil
}

// anonymous is for images that need no credentials.
func anonymous(context.Context, string) string { return "" }

// credentials are the user's for the image's registry, as Docker keeps them. Not
// to be called before prepare: it makes testcontainers read its configuration.
func credentials(ctx context.Context, reference string) string {
	_, auth, err := testcontainers.DockerImageAuth(ctx, reference)
	if err != nil {
		return ""
	}
	encoded, err := authconfig.Encode(auth)
	if err != nil {
		return ""
	}
	return encoded
}

// ensure gets the image if it isn't there.
func (d *daemon) ensure(ctx context.Context, reference string, auth func(ctx context.Context, reference string) string, notice func(string)) error {
	_, err := d.ImageInspect(ctx, reference)
	if err == nil || !errdefs.IsNotFound(err) {
		return err
	}
	return d.pull(ctx, reference, auth(ctx, reference), notice)
}

// pullNotice is how long a download may take before the user hears of it.
const pullNotice = 2 * time.Second

// pull downloads the image, for as long as there is progress.
func (d *daemon) pull(ctx context.Context, reference, auth string, notice func(string)) error {
	tell := time.AfterFunc(pullNotice, func() { notice("pulling the image " + reference) })
	defer tell.Stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := time.AfterFunc(pullSilence, func() {
		cancel(fmt.Errorf("its registry has been silent for %s", pullSilence))
	})
	defer silent.Stop()
	pulled, err := d.ImagePull(ctx, reference, client.ImagePullOptions{RegistryAuth: auth})
	if err != nil {
		return causeOf(ctx, err)
	}
	defer pulled.Close()
	for message, err := range pulled.JSONMessages(ctx) {
		if err != nil {
			return causeOf(ctx, err)
		}
		if message.Error != nil {
			return message.Error
		}
		silent.Reset(pullSilence)
	}
	return nil
}

// causeOf is why the context ended, if it did, else the error.
func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
