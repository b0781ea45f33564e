package binary

import (
	"fmt"
	goruntime "runtime"
)

// Platform is what a server's package is made for, in the words of npm.
type Platform struct{ OS, CPU string }

// String is the ending of the package's name, for example "linux-x64".
func (p Platform) String() string { return p.OS + "-" + p.CPU }

// HostPlatform is this machine's.
func HostPlatform() (Platform, error) {
	return PlatformOf(goruntime.GOOS, goruntime.GOARCH)
}

// PlatformOf names a platform by Go's words, which are Docker's too: "linux" or
// "darwin", "amd64" or "arm64". There are no servers for others.
func PlatformOf(goos, goarch string) (Platform, error) {
	cpu := map[string]string{"amd64": "x64", "arm64": "arm64"}[goarch]
	if cpu == "" || (goos != "linux" && goos != "darwin") {
		return Platform{}, fmt.Errorf("%w: npm has none for %s/%s; build one and name it with -restate.binary", ErrNoSource, goos, goarch)
	}
	return Platform{OS: goos, CPU: cpu}, nil
}
