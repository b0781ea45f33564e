package container

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/dumpconfig"
	"retain/runtime/reaper"
)

// Dumper is the server of an image as one that prints its configuration: each dump
// is a container of its own, without a network. reference is an image that is on the
// daemon, as [ImageID] leaves it.
func Dumper(ctx context.Context, reference string) (dumpconfig.Server, error) {
	owner, err := reaper.Session()
	if err != nil {
		return dumpconfig.Server{}, err
	}
	docker, err := dialSoon(ctx)
	if err != nil {
		return dumpconfig.Server{}, err
	}
	defer docker.Close()
	if err := owner.OwnDocker(docker.host); err != nil {
		return dumpconfig.Server{}, err
	}
	version, err := docker.version(ctx, owner, reference)
	if err != nil {
		return dumpconfig.Server{}, err
	}
	return dumpconfig.Server{
		Name: "restate-server " + version, Slow: true,
		Dump: func(ctx context.Context, in dumpconfig.Input) (dumpconfig.Output, error) {
			ctx, cancel := context.WithTimeout(ctx, probeMax)
			defer cancel()
			d, err := dialSoon(ctx)
			if err != nil {
				return dumpconfig.Output{}, err
			}
			defer d.Close()
			return d.dumpConfig(ctx, owner, reference, in)
		},
	}, nil
}

// dumpConfig runs the image with --dump-config.
func (d *daemon) dumpConfig(ctx context.Context, owner *reaper.Owner, reference string, in dumpconfig.Input) (dumpconfig.Output, error) {
	env := (&Runtime{cluster: "retain-probe", settings: runtime.Settings{}}).environment(runtime.StartOptions{})
	if in.File != nil {
		env["RESTATE_CONFIG"] = configPath
	}
	maps.Copy(env, in.Env)
	image, err := d.ImageInspect(ctx, reference)
	if err != nil {
		return dumpconfig.Output{}, err
	}
	made, err := d.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Image: reference, Cmd: arguments(image, "--dump-config"),
			Labels: map[string]string{reaper.Label: owner.ID()}, Env: binary.List(env, in.Env),
		},
		HostConfig: &container.HostConfig{NetworkMode: "none", LogConfig: container.LogConfig{Type: "json-file"}},
	})
	if err != nil {
		return dumpconfig.Output{}, fmt.Errorf("make a container of %s: %w", reference, err)
	}
	defer d.discard(made.ID)
	if in.File != nil {
		if err := d.put(ctx, made.ID, configPath, in.File); err != nil {
			return dumpconfig.Output{}, err
		}
	}
	if _, err := d.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return dumpconfig.Output{}, fmt.Errorf("start a container of %s: %w", reference, err)
	}
	ended := d.ContainerWait(ctx, made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case err := <-ended.Error:
		if ctx.Err() != nil {
			return dumpconfig.Output{}, fmt.Errorf("%s: %w", reference, dumpconfig.ErrUnable) // it serves, and does not end
		}
		return dumpconfig.Output{}, fmt.Errorf("wait for a container of %s: %w", reference, err)
	case end := <-ended.Result:
		log, err := d.ContainerLogs(ctx, made.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
		if err != nil {
			return dumpconfig.Output{}, err
		}
		defer log.Close()
		var stdout, stderr bytes.Buffer
		if _, err := stdcopy.StdCopy(&stdout, &stderr, log); err != nil {
			return dumpconfig.Output{}, err
		}
		return binary.Dumped(stdout.String(), stderr.String(), int(end.StatusCode))
	}
}

// arguments are the words that run an image's program with an argument.
func arguments(image client.ImageInspectResult, argument string) []string {
	if image.Config != nil && len(image.Config.Entrypoint) == 0 && len(image.Config.Cmd) > 0 {
		return []string{image.Config.Cmd[0], argument}
	}
	return []string{argument}
}

// put makes a file in a container.
func (d *daemon) put(ctx context.Context, id, name string, content []byte) error {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	_ = w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: 0o644, Size: int64(len(content))}) // a buffer takes everything
	_, _ = w.Write(content)
	_ = w.Close()
	_, err := d.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: path.Dir(name), Content: &archive})
	if err != nil {
		return fmt.Errorf("put the configuration file into a container: %w", err)
	}
	return nil
}
