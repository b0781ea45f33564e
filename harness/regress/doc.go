// Package regress reduces a failed run to the smallest plan and history that show the same
// failure, and keeps failures as regression cases.
package regress
