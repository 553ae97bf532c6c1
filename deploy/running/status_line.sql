-- name: outcomes
-- The outcomes of the last ten minutes, by kind of report.
SELECT kind, outcome, sum(quantity) FROM outcomes
WHERE minute BETWEEN now() - INTERVAL 10 MINUTE AND now()
GROUP BY kind, outcome ORDER BY kind, outcome
