package reaper

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	// Label is the label of each container and volume; its value is the
	// session's id.
	Label = "retain"
	// EnvSession is the environment variable that marks each process of a
	// session; its value is the session's id. Children inherit it.
	EnvSession = "RETAIN_SESSION"
)

const (
	lockFile   = "lock"
	ownedFile  = "owned.jsonl"
	markerFile = "retain-session"
	newPrefix  = ".new-"
	gonePrefix = ".gone-"
)

// Owner is the session of this process: what it owns is removed by the [Sweep]
// of a later session if this one can't do it any more. Safe for concurrent use.
type Owner struct {
	id   string
	dir  string
	lock *flock.Flock // held until the process ends

	mu       sync.Mutex
	recorded map[owned]bool
}

var session = sync.OnceValues(func() (*Owner, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	return newOwner(filepath.Join(cache, "sessions"))
})

// Session is the session of this process. The first call makes it and takes its
// lock, which is held until the process ends; every call returns the same.
func Session() (*Owner, error) { return session() }

// newOwner makes a session in the directory. Its lock is held before the
// session can be seen by a sweep: it is made under another name and renamed.
func newOwner(sessions string) (*Owner, error) {
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails, says its documentation
	id := hex.EncodeToString(random)
	made, final := filepath.Join(sessions, newPrefix+id), filepath.Join(sessions, id)
	if err := os.MkdirAll(made, 0o755); err != nil {
		return nil, fmt.Errorf("make the session's directory (%s names another cache): %w", EnvCache, err)
	}
	lock, err := tryLock(filepath.Join(made, lockFile), os.O_CREATE)
	if err != nil {
		return nil, fmt.Errorf("take the session's lock (%s names another cache): %w", EnvCache, err)
	}
	about, _ := json.Marshal(struct {
		PID     int
		Started time.Time
		Command []string
	}{os.Getpid(), time.Now(), os.Args})
	_ = os.WriteFile(lock.Path(), append(about, '\n'), 0o644) // for a person who looks into the directory
	if err := os.Rename(made, final); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("make the session's directory: %w", err)
	}
	return &Owner{id: id, dir: final, lock: lock, recorded: map[owned]bool{}}, nil
}

// ID is unique to this session: 16 hexadecimal digits.
func (o *Owner) ID() string { return o.id }

// MakeDir makes a new directory in the directory for temporary files (parent
// "") or another, recorded as this session's before it is there. A sweep
// removes it with all it holds; so may its user, at any time.
func (o *Owner) MakeDir(parent string) (string, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	parent, err := filepath.Abs(parent)
	if err != nil {
		return "", fmt.Errorf("find the directory for the server's data: %w", err)
	}
	random := make([]byte, 6)
	_, _ = rand.Read(random)
	path := filepath.Join(parent, "retain-"+hex.EncodeToString(random))
	if err := o.record(owned{Kind: kindDir, Path: path}); err != nil {
		return "", err
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		return "", fmt.Errorf("make the server's directory: %w", err)
	}
	if err := os.WriteFile(filepath.Join(path, markerFile), []byte(o.id), 0o644); err != nil {
		return "", fmt.Errorf("mark the server's directory: %w", err)
	}
	return path, nil
}

// OwnGroup records the process group, whose leader must be alive.
func (o *Owner) OwnGroup(pgid int) error {
	start, err := startOf(pgid)
	if err != nil {
		return fmt.Errorf("record process group %d: %w", pgid, err)
	}
	return o.record(owned{Kind: kindGroup, Group: pgid, Start: start})
}

// OwnDocker records that containers or volumes of this session may be found on
// the Docker daemon (for example "unix:///var/run/docker.sock"). Each must have
// the label [Label] with the session's id.
func (o *Owner) OwnDocker(host string) error {
	return o.record(owned{Kind: kindDocker, Host: host})
}
