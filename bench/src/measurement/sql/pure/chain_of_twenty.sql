jsonb_insert( jsonb_set( jsonb_set( jsonb_set(
jsonb_insert( jsonb_set( jsonb_set( jsonb_set(
jsonb_insert( jsonb_set( jsonb_set( jsonb_set(
jsonb_insert( jsonb_set( jsonb_set( jsonb_set(
jsonb_insert( jsonb_set( jsonb_set( jsonb_set(
    d
    , '{status0}', '"working"')
    , '{user,name0}', '"Eric"')
    , '{count0}', to_jsonb(coalesce((d ->> 'count0')::numeric, 0) + 1))
    , '{log,-1}', '"Step complete"', true)
    , '{status1}', '"working"')
    , '{user,name1}', '"Eric"')
    , '{count1}', to_jsonb(coalesce((d ->> 'count1')::numeric, 0) + 1))
    , '{log,-1}', '"Step complete"', true)
    , '{status2}', '"working"')
    , '{user,name2}', '"Eric"')
    , '{count2}', to_jsonb(coalesce((d ->> 'count2')::numeric, 0) + 1))
    , '{log,-1}', '"Step complete"', true)
    , '{status3}', '"working"')
    , '{user,name3}', '"Eric"')
    , '{count3}', to_jsonb(coalesce((d ->> 'count3')::numeric, 0) + 1))
    , '{log,-1}', '"Step complete"', true)
    , '{status4}', '"working"')
    , '{user,name4}', '"Eric"')
    , '{count4}', to_jsonb(coalesce((d ->> 'count4')::numeric, 0) + 1))
    , '{log,-1}', '"Step complete"', true)
