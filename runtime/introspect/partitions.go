package introspect

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"retain/runtime"
	"retain/runtime/ingress"
)

// CheckPartitionKeys compares what the server says of the calls of a probed service with
// [ingress.PartitionKey]. An error means that it is not known how the server assigns keys
// to partitions.
func CheckPartitionKeys(ctx context.Context, ep runtime.Endpoints, probed string) error {
	// As text: a JSON number of this size loses digits.
	rows, err := Query(ctx, ep, fmt.Sprintf(
		"SELECT target_service_key, CAST(partition_key AS VARCHAR) AS hash FROM sys_invocation_status WHERE target_service_name = '%s' LIMIT 100", probed))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return errors.New("the server's tables show no probe")
	}
	for _, r := range rows {
		key := r.Text("target_service_key")
		if want := strconv.FormatUint(ingress.PartitionKey(key), 10); r.Text("hash") != want {
			return fmt.Errorf("the server hashes the key %q to %q, not to %s", key, r.Text("hash"), want)
		}
	}
	return nil
}
