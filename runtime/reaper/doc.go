// Package reaper says what belongs to which session, and removes what a
// session that died left behind: server processes, containers, volumes and
// data directories.
//
// A session is one test process. It holds a lock (flock) on a file of the cache
// directory for as long as it lives; the operating system lets go of it however
// the process ends, SIGKILL included. Whatever is started for the session is
// labelled with its id (containers and volumes by the label [Label], processes
// by the variable [EnvSession]) or recorded in its directory (data directories,
// process groups, the Docker daemon used). [Sweep] takes the locks of the
// sessions it finds: one that can be taken has no owner any more, and what is
// labelled or recorded with that session goes. A session whose lock is held is
// alive and never touched, nor is anything whose session isn't in this cache.
package reaper
