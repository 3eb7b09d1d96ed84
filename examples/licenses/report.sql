-- report.sql
--      What was measured, with the totals at the end.

SELECT coalesce(regexp_replace(path, '.*/', ''), 'total') AS license,
       sum(lines) AS lines,
       sum(words) AS words,
       sum(bytes) AS bytes,
       CASE WHEN grouping(path) = 0 THEN max(cksum) END AS cksum
FROM license
GROUP BY ROLLUP (path)
ORDER BY grouping(path), path;

-- Who ran what: the C task ran in the pool, the SQL tasks in executors.
SELECT name AS task, state, count(*) AS tasks,
       count(DISTINCT worker) AS workers,
       round(extract(epoch FROM avg(runtime)) * 1000, 2) AS average_ms
FROM task_state
GROUP BY name, state
ORDER BY min(sent_at), name;
