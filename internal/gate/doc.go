// Package gate decides whether head may pass, by rules, from what package compare
// found, and measures for that as often as the rules ask. It can fail: a run too noisy
// to see a regression is no pass.
package gate
