package reaper

import (
	"fmt"
	"os"
	"path/filepath"
)

// EnvCache is the environment variable that replaces the cache directory.
const EnvCache = "RETAIN_CACHE"

// CacheDir is where retain keeps what outlives a session: the locks of the
// sessions and the server binaries it installed. It is the value of [EnvCache]
// if that is set, else the directory retain in the user's cache directory. The
// directory exists when the call returns without an error.
func CacheDir() (string, error) {
	dir := os.Getenv(EnvCache)
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the user's cache directory (%s names another): %w", EnvCache, err)
		}
		dir = filepath.Join(user, "retain")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the cache directory (%s names another): %w", EnvCache, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the cache directory (%s names another): %w", EnvCache, err)
	}
	return dir, nil
}
