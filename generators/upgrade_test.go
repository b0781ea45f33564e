package generators

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

func TestUpgradePathLeadsUpBackAndUpAgain(t *testing.T) {
	assert.Equal(t, []string{"A", "B", "A", "B"}, UpgradePath([]string{"A", "B"}))
	assert.Equal(t, []string{"A", "B", "C", "B", "A", "B", "C"}, UpgradePath([]string{"A", "B", "C"}))
	assert.Equal(t, []string{"A"}, UpgradePath([]string{"A"}))
	assert.Empty(t, UpgradePath(nil))
}

func TestUpgradesWriteEveryKindBeforeEachSwitchAndMeetALoadInFlight(t *testing.T) {
	list := []string{"1.6.2", "1.7.2", "1.7.12"}
	keys, suspends, ends := map[int]bool{}, 0, map[model.FaultKind]int{}
	for n := range 24 {
		p := Upgrade(9, n, UpgradeOptions{Versions: list})
		require.NoError(t, Validate(p))
		require.Equal(t, p, Upgrade(9, n, UpgradeOptions{Versions: list}), "a seed draws the same plan again")
		assert.Equal(t, UpgradePath(list)[1:], p.Path())
		assert.True(t, p.Config.ResendAnswered)
		keys[p.Load.Objects] = true
		if p.Config.Start.Suspension == SuspendAtOnce {
			suspends++
		}
		written, last := map[model.Kind]bool{}, model.FaultKind("")
		for _, s := range p.Steps {
			switch s := s.(type) {
			case Operate:
				written[s.Object.Kind] = written[s.Object.Kind] || !s.Op.ReadOnly()
			case Inject:
				if !s.Fault.Ends() {
					continue
				}
				assert.Len(t, written, len(model.Kinds()), "plan %d, step %d", n, s.ID)
				assert.NotEqual(t, last, s.Fault, "stop and kill come in turns")
				assert.GreaterOrEqual(t, s.When.(InFlight).Operations, 30)
				written, last = map[model.Kind]bool{}, s.Fault
				ends[s.Fault]++
			}
		}
	}
	assert.Len(t, keys, 2, "some have one busy key")
	assert.Equal(t, 8, suspends)
	assert.Equal(t, ends[model.Stop], ends[model.Kill])
	several := Upgrade(9, 0, UpgradeOptions{Versions: list})
	kinds := map[model.Kind]bool{}
	for _, o := range several.LoadObjects() {
		kinds[o.Kind] = true
	}
	assert.Len(t, kinds, len(model.Kinds()))
	assert.Equal(t, 20, Upgrade(9, 0, UpgradeOptions{Versions: list, Clients: 20, Between: 400}).Load.Clients)
}
