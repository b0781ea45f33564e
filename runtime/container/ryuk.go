package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"sync"
	"time"

	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

// ryukVariable switches testcontainers' reaper off.
const ryukVariable = "TESTCONTAINERS_RYUK_DISABLED"

// ryukImage is the image of testcontainers' reaper.
//
//lint:ignore SA1019 testcontainers exports its name nowhere else
var ryukImage = testcontainers.ReaperDefaultImage

// ryukMax bounds the download of the reaper's image, 6 MB.
const ryukMax = time.Minute

// prepared guards what is decided once, before testcontainers reads its
// configuration, which it does once and for all.
var prepared sync.Once

// prepare decides for testcontainers what a user would otherwise have to set in
// the environment, and what of it is set stays as it is. The reaper, which
// removes containers when their test process has died, is used where its image
// can be had; without it the next session's sweep does its work.
func (d *daemon) prepare(ctx context.Context, notice func(string)) {
	prepared.Do(func() {
		tclog.SetDefault(tclog.NewNoopLogger())
		if os.Getenv(overrideVariable) == "" && inContainer() {
			// Or it takes the route out of this container for the daemon's.
			overridden.Store(d.published)
			_ = os.Setenv(overrideVariable, d.published)
		}
		if os.Getenv(ryukVariable) != "" || property("ryuk.disabled") != "" {
			return
		}
		image := ryukImage
		if prefix := os.Getenv("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX"); prefix != "" {
			image = path.Join(prefix, image)
		}
		limited, cancel := context.WithTimeoutCause(ctx, ryukMax, errors.New("it took too long"))
		defer cancel()
		if err := d.ensure(limited, image, anonymous, notice); err != nil {
			notice(fmt.Sprintf("the reaper is off (%s): what a killed session leaves is removed by the next one", firstLine(err)))
			_ = os.Setenv(ryukVariable, "true")
		}
	})
}
