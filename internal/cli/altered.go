package cli

import (
	"flag"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"retain/generators"
	"retain/harness/backend"
	"retain/model"
	"retain/runtime/binary"
	"retain/runtime/simulated"
	"retain/service/sdk"
)

// alteredSettings lists how the flags differ from a plain server under retain's defaults. The
// simulated runtime has no settings of a real server. A file that can't be read has no
// hash; the runtime reports it.
func alteredSettings(on backend.Name) (out model.Settings) {
	if on != backend.Simulated {
		out = alteredServer()
	}
	add := func(kind model.SettingKind, name, value string) {
		out = append(out, flagSetting(kind, name, value, ""))
	}
	bugs, _ := simulated.ParseBugs(*bugsFlag) // checked before anything started
	if len(bugs) > 0 {
		add(model.BugSetting, "bugs", *bugsFlag)
		if *bugsRateFlag != simulated.DefaultRate {
			add(model.BugSetting, "bugs.rate", flag.Lookup("bugs.rate").Value.String())
		}
	}
	if *serverFlag != "" {
		add(model.PlanSetting, "config", *serverFlag)
	}
	if *unresolvedFlag {
		add(model.PlanSetting, "unresolved", "")
	}
	if *loadFlag != drawnLoad {
		add(model.PlanSetting, "load", flag.Lookup("load").Value.String())
	}
	if *disturbFlag != generators.ServiceFaults {
		add(model.PlanSetting, "service.faults", flag.Lookup("service.faults").Value.String())
	}
	for _, name := range []string{"recovery.max", "completion.max", "check.budget"} {
		if f := flag.Lookup(name); f.Value.String() != f.DefValue {
			add(model.BoundSetting, name, f.Value.String())
		}
	}
	return slices.Concat(out, alteredKnown(), alteredExclusions())
}

// flagSetting is the setting of a flag.
func flagSetting(kind model.SettingKind, name, value, hash string) model.Setting {
	return model.Setting{Kind: kind, Name: "-" + name, Value: value, SHA256: hash}
}

// alteredServer lists the altered settings of a real server and of what it calls.
func alteredServer() (out model.Settings) {
	out = foreignFlags().altered()
	for _, name := range envFlag.names() {
		s := model.Variable(name, envFlag[name])
		if name == "RESTATE_CONFIG" {
			s.SHA256 = digest(s.Value)
		}
		out = append(out, s)
	}
	add := func(kind model.SettingKind, name, value, hash string) {
		out = append(out, flagSetting(kind, name, value, hash))
	}
	if *sdkFlag != string(sdk.Go) {
		add(model.ServerSetting, "sdk", *sdkFlag, "")
	}
	if *configFlag != "" {
		add(model.FileSetting, "restate.config", filepath.Base(*configFlag), digest(*configFlag))
	}
	for _, reference := range imageFlag.arguments() {
		add(model.ServerSetting, "restate.image", reference, "") // Docker knows the hash
	}
	if binaryFlag.plain != "" {
		add(model.ServerSetting, "restate.binary", filepath.Base(binaryFlag.plain), programDigest(binaryFlag.plain))
	}
	for _, name := range binaryFlag.names() {
		path := binaryFlag.named[name]
		add(model.ServerSetting, "restate.binary", name+"="+filepath.Base(path), programDigest(path))
	}
	return out
}

// programDigest is the hash of a program, which may be found on the PATH.
func programDigest(program string) string {
	path, err := exec.LookPath(program)
	if err != nil {
		path = program
	}
	return digest(path)
}

// digest is the SHA-256 of a file, "" if it can't be read.
func digest(path string) string {
	sum, _ := binary.Digest(path)
	return sum
}

// alteredOn is [alteredSettings] with facts about the servers that were found, the own one
// under "" and those of plans under their versions: the hashes of their images, or their
// programs on the PATH.
func alteredOn(name backend.Name, found map[string]backend.Subject) model.Settings {
	out := alteredSettings(name)
	for i := range out {
		if out[i].Name != "-restate.image" {
			continue
		}
		version := ""
		if out[i].Value != imageFlag.plain {
			version, _, _ = strings.Cut(out[i].Value, "=")
		}
		server, is := found[version]
		if !is && version == *versionFlag {
			server = found[""]
		}
		out[i].SHA256 = strings.TrimPrefix(server.Image, "sha256:")
	}
	for _, version := range slices.Sorted(maps.Keys(found)) {
		if path := found[version].OnPath; path != "" {
			out = append(out, model.Setting{Kind: model.ServerSetting, Name: "PATH", Value: path, SHA256: digest(path)})
		}
	}
	return out
}
