package model

import (
	"fmt"
	"regexp"
)

// versionName is a word, so that it stands in sentences, file names and arguments as it is.
var versionName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._+-]{0,63}$`)

// CheckVersionName refuses what can't name a version of the server: a release, such as
// 1.7.12, or one's own build. Whether there is such a version only a runtime knows.
func CheckVersionName(name string) error {
	if !versionName.MatchString(name) {
		return fmt.Errorf("version %.80q: want a release such as 1.7.12, or the name of a build: up to 64 letters, digits and . _ + -", name)
	}
	return nil
}
