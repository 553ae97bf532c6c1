-- name: what
-- A name for what may be noise: the foreign host that was blocked; else the foreign host of the source file; else a
-- scheme or bare word; else code that no part of the page is named as the source of.
multiIf(
    blocked_host != '', if(blocked_host = document_host, ('', ''), ('host', blocked_host)),
    domain(source_file) != '',
        if(domain(source_file) = document_host, ('', ''), ('source', domain(source_file))),
    match(source_file, '^[a-z][a-z0-9+.-]*:'), ('scheme', splitByChar(':', source_file)[1]),
    blocked NOT IN %(written)s AND match(blocked, '^[a-z][a-z0-9+.-]*$'), ('scheme', blocked),
    blocked IN ('inline', 'eval') AND sample != '' AND source_file = '', ('sample', sample),
    ('', '')
)

-- name: of_project
    project_id = %(project_id)s AND window_start >= toDateTime(%(since)s, 'UTC')

-- name: unknown
    {of_project} AND noise = '' AND kind = 'csp'
    AND match(directive, '^(script|img|connect|font|frame|child|style|media|object|worker|manifest|default|prefetch)')

-- name: candidates
-- What was reported of several pages, by how many people and how widely it was seen: not by how often. The senders of
-- all days together give an order, and no number: whoever forges hosts from one network shall not crowd others out.
SELECT
    {what} AS what, uniq(document) AS pages, uniq(toDate(window_start)) AS days, sum(seen), min(first_seen),
    max(last_seen), arraySort(groupUniqArray(10)(directive)), argMax(blocked, seen), argMax(document, seen)
FROM reports WHERE {unknown}
GROUP BY what HAVING what.1 != '' AND pages >= %(pages)s
ORDER BY bitCount(groupBitOr(reach)) DESC, days DESC, pages DESC, what LIMIT %(most)s

-- name: people
-- The reach of each candidate on each day.
SELECT {what} AS what, toDate(window_start) AS day, reachOf(groupBitOr(reach)) FROM reports
WHERE {unknown} AND what IN %(names)s GROUP BY what, day

-- name: of_pages
-- The share that the most frequent page has of each candidate, and how often that page is named at all.
SELECT what, max(times) / sum(times), argMax(document, times) FROM (
    SELECT {what} AS what, document, sum(seen) AS times FROM reports
    WHERE {unknown} AND what IN %(names)s GROUP BY what, document
) GROUP BY what

-- name: browsers
SELECT {what} AS what, browser, sum(seen) FROM reports WHERE {unknown} AND what IN %(names)s GROUP BY what, browser

-- name: site
-- What the site's reports say of its pages and people, whatever they are about.
SELECT uniq(document), sum(seen) FROM reports WHERE {of_project}

-- name: site_people
SELECT toDate(window_start) AS day, reachOf(groupBitOr(reach)) FROM reports WHERE {of_project} GROUP BY day

-- name: site_pages
SELECT document, sum(seen) FROM reports WHERE {of_project} AND document IN %(documents)s GROUP BY document

-- name: own_hosts
SELECT DISTINCT document_host FROM reports WHERE {of_project} AND document_host != '' LIMIT 10000

-- name: policies
SELECT DISTINCT text FROM policies WHERE project_id = %(project_id)s
AND last_seen >= toDateTime(%(since)s, 'UTC') LIMIT 10000
