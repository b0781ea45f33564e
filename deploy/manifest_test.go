package deploy

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// decoded are the objects of a manifest, by kind. What the API types do not know is
// refused.
func decoded(text []byte) (jobs []batch.Job, claims []core.PersistentVolumeClaim, err error) {
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var about struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
		}
		if err := yaml.Unmarshal(document, &about); err != nil {
			return nil, nil, err
		}
		switch about.APIVersion + " " + about.Kind {
		case "batch/v1 Job":
			var j batch.Job
			if err := yaml.UnmarshalStrict(document, &j); err != nil {
				return nil, nil, err
			}
			jobs = append(jobs, j)
		case "v1 PersistentVolumeClaim":
			var c core.PersistentVolumeClaim
			if err := yaml.UnmarshalStrict(document, &c); err != nil {
				return nil, nil, err
			}
			claims = append(claims, c)
		default:
			return nil, nil, fmt.Errorf("nobody checks a %s %s", about.APIVersion, about.Kind)
		}
	}
	return jobs, claims, nil
}

func manifest(t *testing.T, name string) ([]batch.Job, []core.PersistentVolumeClaim) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	jobs, claims, err := decoded(text)
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	return jobs, claims
}

// expanded puts a pod's environment into a text, as Kubernetes does.
func expanded(text string, index int) string {
	return strings.ReplaceAll(text, "$(JOB_COMPLETION_INDEX)", fmt.Sprint(index))
}

func TestManifestRunsTheCampaignAsAnIndexedJob(t *testing.T) {
	jobs, claims := manifest(t, "campaign.yaml")
	require.Len(t, claims, 1)
	assert.Equal(t, []core.PersistentVolumeAccessMode{core.ReadWriteMany}, claims[0].Spec.AccessModes)
	job := jobs[0].Spec
	require.NotNil(t, job.CompletionMode)
	assert.Equal(t, batch.IndexedCompletion, *job.CompletionMode)
	shards := int(*job.Completions)
	assert.Equal(t, shards, int(*job.Parallelism), "shards work side by side")
	assert.Equal(t, shards, int(*job.MaxFailedIndexes), "one that fails does not end the others")
	require.NotNil(t, job.BackoffLimitPerIndex, "the policy's FailIndex needs it")
	assert.Equal(t, core.RestartPolicyNever, job.Template.Spec.RestartPolicy, "the policy needs it")

	pod := job.Template.Spec
	require.Len(t, pod.Containers, 1)
	container := pod.Containers[0]
	require.NotNil(t, container.VolumeMounts)
	seen := map[string]bool{}
	for index := range shards {
		args := expanded(strings.Join(container.Args, "\n"), index)
		assert.Contains(t, args, fmt.Sprintf("-shard=%d/%d\n", index, shards))
		assert.NotContains(t, args, "$(")
		path := expanded(container.VolumeMounts[0].SubPathExpr, index)
		assert.NotContains(t, path, "$(")
		assert.False(t, seen[path], "shard %d has another's directory: %s", index, path)
		seen[path] = true
	}
	assert.Contains(t, container.Args, "-dir="+container.VolumeMounts[0].MountPath, "records are in the shard's directory of the volume")
	assert.Equal(t, claims[0].Name, pod.Volumes[0].PersistentVolumeClaim.ClaimName)
	for _, rule := range job.PodFailurePolicy.Rules {
		if rule.OnExitCodes != nil {
			assert.Equal(t, container.Name, *rule.OnExitCodes.ContainerName)
		}
	}
}

func TestManifestsReportReadsAllShards(t *testing.T) {
	campaigns, _ := manifest(t, "campaign.yaml")
	reports, _ := manifest(t, "report.yaml")
	c, r := campaigns[0].Spec.Template.Spec, reports[0].Spec.Template.Spec
	assert.Equal(t, c.Volumes[0].PersistentVolumeClaim.ClaimName, r.Volumes[0].PersistentVolumeClaim.ClaimName)
	assert.Empty(t, r.Containers[0].VolumeMounts[0].SubPathExpr, "all of it")
	assert.Contains(t, r.Containers[0].Args, "-dir="+r.Containers[0].VolumeMounts[0].MountPath)
	assert.Equal(t, c.Containers[0].Image, r.Containers[0].Image)
	for _, pod := range []core.PodSpec{c, r} {
		volumes := map[string]bool{}
		for _, v := range pod.Volumes {
			volumes[v.Name] = true
		}
		for _, m := range pod.Containers[0].VolumeMounts {
			assert.True(t, volumes[m.Name], "there is no volume %s", m.Name)
		}
	}
}

// A misspelt field is refused, wherever it is.
func TestManifestWithUnknownFieldsIsRefused(t *testing.T) {
	text, err := os.ReadFile("campaign.yaml")
	require.NoError(t, err)
	for right, wrong := range map[string]string{
		"completionMode:": "completionmode_:", "subPathExpr:": "subPathExp:", "onExitCodes:": "onExitCode:", "accessModes:": "accessMode:",
		"completions: 8": "completions: eight", "kind: Job": "kind: Jobs",
	} {
		require.Contains(t, string(text), right)
		_, _, err := decoded([]byte(strings.Replace(string(text), right, wrong, 1)))
		assert.Error(t, err, wrong)
	}
}
