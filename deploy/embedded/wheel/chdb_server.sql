-- name: serve
-- Opens the ports, and runs until the standard input ends.
SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; SELECT * FROM file('/dev/stdin', 'LineAsString')
