// Package upgrade has what the question "may I upgrade, and may I go back?" is about: the
// paths of versions, what their way back needs, and what the switches of plans came to.
// Package campaign draws and runs the plans; package report says the answer.
package upgrade
