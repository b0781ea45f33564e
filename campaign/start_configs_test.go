package campaign

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/generators"
)

func TestPlanOfStartConfigurationsIsDrawnAgain(t *testing.T) {
	with := Start{Seed: 7, StartConfigs: true}
	for n := range 20 {
		again := with.Redraw(PlanDrawn{Number: n})
		assert.Equal(t, generators.Draw(7, n, generators.Options{StartConfigs: true}), again)
		assert.Empty(t, again.Config.Server)
	}
	vqueues := Start{Seed: 7, StartConfigs: true, VQueues: true}
	for n := range 30 {
		assert.Equal(t, generators.Draw(7, n, generators.Options{StartConfigs: true, VQueues: true}), vqueues.Redraw(PlanDrawn{Number: n}))
	}
	assert.NotEmpty(t, Start{Seed: 7}.Redraw(PlanDrawn{Number: 3}).Config.Server, "a campaign of before names its configurations")
	assert.NotEmpty(t, differences(with, Start{Seed: 7}), "its segments are of one kind")
	assert.Empty(t, differences(with, with))
}
