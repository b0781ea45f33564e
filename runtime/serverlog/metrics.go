package serverlog

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"retain/model"
	"retain/runtime"
)

// blockedMetric counts the partitions that the server has given up (1.7: their state can be
// read with restatectl alone, not by SQL on the admin port).
const blockedMetric = "restate_partition_blocked_flare{"

// metricsBound bounds a request for the metrics.
const metricsBound = 2 * time.Second

// blockedPartitions are the partitions that the server does not run, as its metrics have
// them: none if there is no answer.
func (s *Scanner) blockedPartitions(ctx context.Context, r runtime.Runtime) []Admission {
	m, can := r.(runtime.Metered)
	if !can {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, metricsBound)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Metrics(), nil)
	if err != nil {
		return nil
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var out []Admission
	for _, line := range blockedLines(resp.Body) {
		if s.isNew(line) {
			a := admit(model.ReportsPartitionDown, line)
			a.Life, a.At = s.incarnation, time.Now().UTC()
			out = append(out, a)
		}
	}
	return out
}

// blockedLines are the lines of partitions that do not run.
func blockedLines(metrics io.Reader) []string {
	var out []string
	lines := bufio.NewScanner(metrics)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if line := lines.Text(); strings.HasPrefix(line, blockedMetric) && !strings.HasSuffix(line, " 0") {
			out = append(out, line)
		}
	}
	return out
}
