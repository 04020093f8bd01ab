// Package page lays a document out as one HTML file that needs nothing else: no network
// and no script to be read, and with the script that it holds one to be explored. It
// knows nothing of results.
package page
