package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/internal/selftest"
)

// run runs a program to its end and gives what it printed.
func run(t *testing.T, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// image builds the image, or says why that can't be done here.
func image(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: an image is not built")
	}
	if out, err := run(t, "docker", "version", "--format", "{{.Server.Arch}}"); err != nil {
		t.Skip("no Docker to build an image with: ", out, err)
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("no npm to get the server from: ", err)
	}
	name := fmt.Sprintf("retain-deploy-test:%d", os.Getpid())
	out, err := run(t, "./image.sh", name)
	require.NoError(t, err, out)
	t.Cleanup(func() { _, _ = run(t, "docker", "rmi", "-f", name) })
	return name
}

// pod runs a manifest's container as Kubernetes would: with its arguments, its
// directory of the volume, its number, and no more rights than it asks for.
func pod(t *testing.T, image, file, volume string, index int, more ...string) (string, error) {
	t.Helper()
	jobs, _ := manifest(t, file)
	c := jobs[0].Spec.Template.Spec.Containers[0]
	dir := filepath.Join(volume, expanded(c.VolumeMounts[0].SubPathExpr, index))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	name := fmt.Sprintf("retain-deploy-test-%d-%d", os.Getpid(), index)
	t.Cleanup(func() { _, _ = run(t, "docker", "rm", "-f", name) })
	args := []string{
		"run", "--rm", "--name", name, "--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()), "--tmpfs", "/tmp:exec", "-v", dir + ":" + c.VolumeMounts[0].MountPath,
		"-e", fmt.Sprintf("JOB_COMPLETION_INDEX=%d", index), image,
	}
	for _, a := range slices.Concat(c.Args, more) {
		args = append(args, expanded(a, index))
	}
	return run(t, "docker", args...)
}

// The image of deploy/image.sh does what the manifests ask of it: two of the shards
// on the real server, then the report of both.
func TestImageRunsShardsAndTheirReport(t *testing.T) {
	selftest.Nightly(t, "a minute and a half")
	image := image(t)
	volume := t.TempDir()
	for _, index := range []int{0, 1} {
		out, err := pod(t, image, "campaign.yaml", volume, index, "-duration=15s", "-workers=1") // the last one holds
		require.NoError(t, err, out)
	}
	out, err := pod(t, image, "report.yaml", volume, 2)
	require.NoError(t, err, out)
	c, err := campaign.Read(volume)
	require.NoError(t, err)
	require.Len(t, c.Segments, 2)
	assert.Equal(t, "0/8", c.Segments[0].Shard.String())
	assert.Equal(t, "1/8", c.Segments[1].Shard.String())
	assert.Positive(t, c.Totals().Plans)
	assert.Contains(t, out, "2 segments of 2 shards")
	assert.FileExists(t, filepath.Join(volume, "report.html"))
}

// The image's own command is a campaign of the right length and place.
func TestImageCommandAgreesWithTheManifest(t *testing.T) {
	text, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	command := regexp.MustCompile(`(?m)^CMD (\[.*\])$`).FindSubmatch(text)
	require.NotNil(t, command)
	var args []string
	require.NoError(t, json.Unmarshal(command[1], &args))
	jobs, _ := manifest(t, "campaign.yaml")
	for _, a := range args {
		name, _, _ := strings.Cut(a, "=")
		found := slices.ContainsFunc(jobs[0].Spec.Template.Spec.Containers[0].Args, func(b string) bool { return b == a || strings.HasPrefix(b, name+"=") })
		assert.True(t, found, "the manifest says nothing of %s", a)
	}
}
