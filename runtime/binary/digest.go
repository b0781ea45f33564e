package binary

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// digested are the hashes of the files that have been read in this process.
var digested sync.Map // digestKey to string

// digestKey changes when the file is replaced.
type digestKey struct {
	path string
	size int64
	time time.Time
}

// Digest is the SHA-256 of a file's content, in hex. A restate-server has 226 MB,
// which takes about a second; a file that did not change is read once.
func Digest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("hash a file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("hash a file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("hash a file: %s is not a regular file", path)
	}
	key := digestKey{path, info.Size(), info.ModTime()}
	if known, ok := digested.Load(key); ok {
		return known.(string), nil
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("hash a file: %w", err)
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	digested.Store(key, sum)
	return sum, nil
}
