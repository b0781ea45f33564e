// Package deploy has what runs a campaign on many machines. There is no code in it
// but the tests of its files:
//
//   - image.sh builds the image of [Dockerfile]: the compiled tests, and the server
//     that they test.
//   - campaign.yaml is a Kubernetes Indexed Job: each completion is a shard, which
//     knows its number by JOB_COMPLETION_INDEX and has a directory of its own in a
//     volume that all share. A pod that was evicted is started again, and goes on.
//   - report.yaml is a Job that merges what they recorded into one page.
//
// Apply report.yaml when campaign.yaml has ended, or at any time before:
//
//	deploy/image.sh REGISTRY/retain:TAG && docker push REGISTRY/retain:TAG
//	kubectl apply -f deploy/campaign.yaml
//	kubectl get --watch job/retain-campaign
//	kubectl apply -f deploy/report.yaml
//
// A shard that found something fails its index and no other; when all have ended,
// the Job is Failed then, and Complete if all are green. On GitHub the workflow
// .github/workflows/nightly.yml does the same.
//
// [Dockerfile]: https://docs.docker.com/reference/dockerfile/
package deploy
