package binary

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"retain/runtime"
	"retain/runtime/versions"
)

// Node is the node name of every server: with a name that changes, the data
// directory of the last incarnation would not be found again.
const Node = "retain-1"

// NewCluster draws a cluster's name that no other runtime has, so that another
// server's answers are recognised.
func NewCluster() string {
	random := make([]byte, 5)
	_, _ = rand.Read(random) // never fails
	return "retain-" + hex.EncodeToString(random)
}

// FindConfig makes the path of the configuration file absolute: the server runs in
// another directory.
func FindConfig(s *runtime.Settings) error {
	if s.ConfigFile == "" {
		return nil
	}
	path, err := filepath.Abs(s.ConfigFile)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return fmt.Errorf("find the server's configuration file: %w", err)
	}
	s.ConfigFile = path
	return nil
}

// Environment is what each server under test gets on every backend, and
// over it Settings.Env. Addresses, the base directory and the configuration
// file are the backend's.
//
// Invocations are retried without limit and at most 0.5 s apart: with the
// server's own defaults (60 s apart, paused after 70 attempts) slow and stuck
// could not be told apart. The memory is enough for a test's data; measured
// with 24 partitions an idle 1.7.12 takes 215 MB with it and 257 MB without.
func Environment(s runtime.Settings, cluster string) map[string]string {
	env := map[string]string{
		"DO_NOT_TRACK":                                   "1",
		"RESTATE_NODE_NAME":                              Node,
		"RESTATE_CLUSTER_NAME":                           cluster,
		"RESTATE_LOG_FILTER":                             "info",
		"RESTATE_LOG_FORMAT":                             "compact",
		"RESTATE_LOG_DISABLE_ANSI_CODES":                 "true",
		"RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE":              "512MB",
		"RESTATE_DEFAULT_RETRY_POLICY__INITIAL_INTERVAL": "50ms",
		"RESTATE_DEFAULT_RETRY_POLICY__MAX_INTERVAL":     "500ms",
		"RESTATE_DEFAULT_RETRY_POLICY__MAX_ATTEMPTS":     "unlimited",
	}
	maps.Copy(env, versions.Of(versions.ListenMode).Settings) // what a version does not know it ignores
	if s.Partitions > 0 {
		env[runtime.EnvPartitions] = strconv.Itoa(s.Partitions)
	}
	maps.Copy(env, s.Env)
	return env
}

// inherited are the variables of this process that a server may see: what it
// needs to run, and nothing that configures it (besides RESTATE_*, a server
// reads RUST_LOG, HTTP_PROXY, MEMORY_LIMIT and LISTEN_FDS).
var inherited = []string{
	"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ",
	"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// Inherited is the part of this process's environment that a server gets.
func Inherited() map[string]string {
	env := map[string]string{}
	for _, name := range inherited {
		if value, ok := os.LookupEnv(name); ok {
			env[name] = value
		}
	}
	return env
}

// List is the environment in the form of os/exec and Docker: "NAME=value". The variables
// that over has stand last. If two variables give a server one setting, as RESTATE_WORKER
// with a table and RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT do, it takes the last one.
func List(env, over map[string]string) []string {
	var list, last []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		pair := name + "=" + env[name]
		if _, is := over[name]; is {
			last = append(last, pair)
		} else {
			list = append(list, pair)
		}
	}
	return append(list, last...)
}
