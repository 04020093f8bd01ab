// Package revision builds a program of two states of a git repository, so that
// they can be measured in the same job. A revision is checked out in a worktree
// in a temporary directory, without hooks and without submodules; the working
// tree is built where it is. It leaves the repository as it was, whatever comes
// between but SIGKILL, of which the next Open removes the rest.
package revision
