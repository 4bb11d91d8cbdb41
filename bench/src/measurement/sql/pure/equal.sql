SELECT {ours} = {theirs} FROM (SELECT metadata AS d FROM runmeta.run WHERE id = 'pure') AS document
