// Package report renders recorded facts: sessions, findings and campaigns on the
// terminal, as HTML, JSON, JUnit XML and Markdown.
//
// A [Reporter] prints a session while it runs, and its result. [Campaign] and
// [WriteCampaignPage] render the records of a campaign. Every form renders the same
// facts; none is parsed to make another one.
package report
