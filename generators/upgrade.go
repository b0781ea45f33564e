package generators

import (
	"slices"

	"pgregory.net/rapid"

	"retain/model"
)

// UpgradeOptions are what the plans of an upgrade are made of.
type UpgradeOptions struct {
	// Versions are those that each plan leads the server through, see [UpgradePath], at
	// least two. A plan begins with the first one.
	Versions []string
	// Clients is how many clients each load has, 0 for 64.
	Clients int
	// Between is how many operations of the load are answered before each switch, 0 for
	// 1000, where the load has keys for its full rate: fewer where it has fewer keys.
	Between int
	// Exclude is what plans are not drawn with.
	Exclude Exclusions
}

// The load of an upgrade's plan unless the options say otherwise.
const (
	upgradeClients = 64
	upgradeBetween = 1000
)

// UpgradePath leads up through versions, back, and up again: "A, B, A, B" for A and B,
// "A, B, C, B, A, B, C" for three.
func UpgradePath(versions []string) []string {
	if len(versions) < 2 {
		return slices.Clone(versions)
	}
	back := slices.Clone(versions[:len(versions)-1])
	slices.Reverse(back)
	return slices.Concat(versions, back, versions[1:])
}

// Upgrade is plan number n of a seed that leads a server along [UpgradePath], by a stop
// and a kill in turns. Before each switch it writes objects of every kind, and lets the
// clients of a load have as many operations in flight, or queued behind a key, as there
// are clients but for an eighth. What was answered is sent again after each switch.
//
// In turns, clients share a few keys of every kind; the server suspends every invocation that
// looks at state; all clients queue behind one key. Number after number, the first end is
// a stop or a kill, and clients wait for readiness or push on.
func Upgrade(seed uint64, number int, o UpgradeOptions) Plan {
	p := rapid.Custom(func(t *rapid.T) Plan { return drawUpgrade(t, number, o) }).Example(int(mix(mix(seed, versionsStream), uint64(number))))
	p.Load.Seed = loadSeed(seed, number)
	p.Seed, p.Number = seed, number
	return p
}

// upgradeVariant is what the clients of an upgrade's load meet.
type upgradeVariant int

const (
	fewKeys upgradeVariant = iota
	suspended
	oneKey
	upgradeVariants
)

func drawUpgrade(t *rapid.T, number int, o UpgradeOptions) Plan {
	variant := upgradeVariant(number % int(upgradeVariants))
	use := upgradeSwarm(t, number, variant, o.Exclude)
	use.load = o.load(number, variant)
	d := newDrawing(t, use)
	path := UpgradePath(o.Versions)
	for leg, to := range path[min(1, len(path)):] {
		d.everyKind()
		ends := o.Exclude.ends()
		end := ends[(leg+number)%len(ends)]
		var when Trigger = InPlace{}
		if use.load.Clients > 0 {
			when = InFlight{Operations: use.load.Clients - use.load.Clients/8}
		}
		d.inject(Inject{Fault: end, When: when})
		d.inject(Inject{Fault: model.Start, When: InPlace{}, Version: to})
	}
	d.everyKind()
	return Plan{Config: use.config, Load: use.load, Steps: d.steps}
}

// upgradeSwarm is what the program of an upgrade uses: every operation of every kind.
func upgradeSwarm(t *rapid.T, number int, variant upgradeVariant, exclude Exclusions) swarm {
	start := upgradeStart(variant, exclude)
	partitions := (Options{Start: start, StartConfigs: true, Exclude: exclude}).partitions()
	use := swarm{
		exclude: exclude,
		config: Config{
			Partitions: pick(t, "partitions", partitions...), PushOn: number/int(upgradeVariants)%2 > 0, Retry: true, ResendAnswered: true,
			Start: start,
		},
		clients: upTo(4), keys: entryKeys, writes: map[model.Kind][]operation{}, reads: map[model.Kind][]operation{},
	}
	if exclude.ExcludesFault(model.Kill) {
		use.config.NoClosingKill, use.config.TakeOver = true, model.Stop
	}
	for _, k := range exclude.Kinds() {
		use.objects = append(use.objects, model.Object{Kind: k})
		use.writes[k], use.reads[k] = weighted(exclude.writing(k)), weighted(exclude.reading(k))
	}
	return use
}

// upgradeStart is what the servers of a variant are started with. Where that is excluded it
// is the first configuration that is not.
func upgradeStart(variant upgradeVariant, exclude Exclusions) StartConfig {
	start := StartConfig{State: EagerState, Suspension: SuspendNever}
	if variant == suspended {
		start = StartConfig{State: LazyState, Suspension: SuspendAtOnce}
	}
	if len((Options{Start: start, StartConfigs: true, Exclude: exclude}).partitions()) > 0 {
		return start
	}
	class := exclude.Classes()[0]
	for _, n := range drawnPartitions() {
		if left := exclude.startConfigs(class, n); len(left) > 0 {
			return left[0]
		}
	}
	return start // unreached: the class has one
}

// load is that of plan number n of an upgrade.
func (o UpgradeOptions) load(number int, variant upgradeVariant) Load {
	l := Load{Clients: o.Clients, Between: o.Between, Reads: 20}
	if l.Clients == 0 {
		l.Clients = upgradeClients
	}
	if l.Between == 0 {
		l.Between = upgradeBetween
	}
	kinds := o.Exclude.loadKinds()
	if len(kinds) == 0 {
		return Load{}
	}
	if l.Objects = min(l.Clients, quickKeys); variant == oneKey {
		l.Objects = 1
		kinds = kinds[number/int(upgradeVariants)%len(kinds):][:1]
	}
	for _, k := range kinds {
		for _, op := range slices.Concat(o.Exclude.loadWriting(k), o.Exclude.reading(k)) {
			if !op.joins {
				l.Operations = append(l.Operations, op.nameOf(k))
			}
		}
	}
	l.Between = max(leastBetween, l.Between*min(l.Objects, quickKeys)/quickKeys)
	return l
}

// extraSteps are how many steps a leg of an upgrade draws beside a write of every kind.
const extraSteps = 6

// everyKind appends a write to an object of every kind, and a few other operations.
func (d *drawing) everyKind() {
	for i, o := range d.use.objects {
		client := d.use.clients[i%len(d.use.clients)]
		d.operate(client, o, d.sureWrite(client, o))
	}
	for range extraSteps {
		if common(d.t, "writes", 1) {
			d.write()
		} else {
			d.read()
		}
	}
	for i, o := range d.use.objects { // none is left as a clear made it
		client := d.use.clients[i%len(d.use.clients)]
		d.operate(client, o, d.sureWrite(client, o))
	}
}
