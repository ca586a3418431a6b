
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The script by which Redis keeps the rate of several machines, in Lua 5.1: a
 * number is a double, which holds a time in ms.
 */


#ifndef _NGX_HTTP_VCITA_RATE_SCRIPT_H_INCLUDED_
#define _NGX_HTTP_VCITA_RATE_SCRIPT_H_INCLUDED_


/*
 * ARGV: calls, window, slots, patience; or calls, window, 0, the slot to
 * release.  The reply has the delay of each slot and its time; or one delay
 * alone, which exceeds the patience.  The algorithm is that of "rate".
 *
 * A time that no machine can have reserved is dropped: without that, a clock
 * that is set back would stop all logins.
 */

#define NGX_HTTP_VCITA_RATE_SCRIPT                                            \
  "local time = redis.call('TIME')\n"                                         \
  "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"                 \
  "local calls, window = tonumber(ARGV[1]), tonumber(ARGV[2])\n"              \
  "local used, spare, answer = {}, {}, {}\n"                                  \
  "local list, first, last = used, now - 61000, now + 120000\n"               \
  "for word in string.gmatch(redis.call('GET', KEYS[1]) or '', '%S+') do\n"   \
  "  local at = tonumber(word)\n"                                             \
  "  if not at then list, first = spare, now\n"                               \
  "  elseif at > first and at < last then table.insert(list, at) end\n"       \
  "end\n"                                                                     \
  "for i = 1, tonumber(ARGV[3]) do\n"                                         \
  "  local slot = (used[#used - calls + 1] or 0) + window\n"                  \
  "  local use = slot\n"                                                      \
  "  if slot < now then\n"                                                    \
  "    slot = now\n"                                                          \
  "    use = (used[#used] or 0) + math.floor(window / calls)\n"               \
  "    if use < now or use >= now + window then use = now end\n"              \
  "  end\n"                                                                   \
  "  local released = spare[1] and spare[1] < slot\n"                         \
  "  if released then slot, use = spare[1], spare[1] end\n"                   \
  "  if i == 1 and slot - now > tonumber(ARGV[4]) then\n"                     \
  "    return tostring(slot - now)\n"                                         \
  "  end\n"                                                                   \
  "  if released then table.remove(spare, 1)\n"                               \
  "  else table.insert(used, use) table.sort(used) end\n"                     \
  "  table.insert(answer, slot - now)\n"                                      \
  "  table.insert(answer, use)\n"                                             \
  "end\n"                                                                     \
  "if ARGV[3] == '0' then\n"                                                  \
  "  local id = tonumber(ARGV[4])\n"                                          \
  "  for i = #used, math.max(#used - calls + 1, 1), -1 do\n"                  \
  "    if used[i] == id then used[i] = id - window id = 0 end\n"              \
  "  end\n"                                                                   \
  "  if id > now and #spare < 16 then table.insert(spare, id) end\n"          \
  "  table.sort(used)\n"                                                      \
  "  table.sort(spare)\n"                                                     \
  "end\n"                                                                     \
  "while #used > 64 do table.remove(used, 1) end\n"                           \
  "local life = math.max((used[#used] or 0) - now, 0) + 61000\n"              \
  "used, spare = table.concat(used, ' '), table.concat(spare, ' ')\n"         \
  "redis.call('SET', KEYS[1], used .. ' ; ' .. spare, 'PX', life)\n"          \
  "return table.concat(answer, ' ')\n"


#endif /* _NGX_HTTP_VCITA_RATE_SCRIPT_H_INCLUDED_ */
