// Package citest runs what teams put into their CI, action.yml and doc/ci, as far as
// that goes without the service: the steps in bash with the environment that the
// service gives them, in repositories made for it.
package citest
