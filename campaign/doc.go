// Package campaign runs sessions for hours, plan after plan on real servers. It leans
// towards situations that were tested rarely, reduces each finding and keeps it once,
// and appends every record to files that survive a kill.
//
// The directory of a campaign has findings, regressions and records ([RecordsDir]): one
// file of records for each process that worked on it. A campaign that was killed, or
// that runs on many machines, has several. [Read] merges them.
package campaign
