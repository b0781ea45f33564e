// Package session conducts many runs on servers that are reused from plan to plan, until a
// bound is reached or a run fails. At its end it reads again what all plans left.
package session
