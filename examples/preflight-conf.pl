# preflight-conf.pl BEHIND_PROXY CONTAINER: reads what "nginx -T" prints, and writes
# what of it preflight.sh has to know, a record a line: a kind and its fields.
#
#   ok|warn|wrong  what, and how to mend it: what needs no network to be seen
#   key            a private key that signs token requests
#   endpoint       its name, URL, CA file, "off" if not verified, proxy
#   client         client_id, redirect_uri, scope, "pkce", what proves it, the
#                  authorize endpoint and a query, the token endpoint, a body and
#                  its type if it is no form, and the last three of an endpoint
#   callback       its URL, a socket of nginx, "ssl", "proxy_protocol"
#
# A record may hold the password of a proxy, and the secret of a client or a signed
# assertion; nothing else that is secret.  preflight-client.pl and preflight-site.pl
# are parts of it.
# Needs no module that is not in Debian's perl-base.

use strict;
use warnings;

my ($behind, $container) = @ARGV;
my (%text, $main);

{
    local $/;
    my (undef, @files) = split /^# configuration file (\/.*):\n/m, <STDIN>;

    while (my ($file, $text) = splice @files, 0, 2) {
        $main //= $file;
        $text{$file} //= $text;
    }
}

defined $main or die "nginx -T printed no configuration\n";

require "$_.pl" for map { $0 =~ s{^(?!/)}{./}r =~ s/-conf\.pl\z/-$_/r } qw( client site );

my ($conf_prefix) = $main =~ m{^(.*/)};


# -- from bytes to blocks

# The words of a file: [text, line], and "{", ";" and "}" as
# references.  A "#" or a quote counts at the beginning of a word only.
sub words {
    my ($file) = @_;
    my ($line, @words) = 1;
    local $_ = $text{$file};

    while (1) {
        if (/\G(\s+|#.*)/gc) { $line += $1 =~ tr/\n//; next }
        last if /\G\z/gc;

        if (/\G([{};])/gc) {
            push @words, [ \"$1", $line ];

            # the code of another language follows: up to its closing brace
            if ($1 eq '{'
                && (grep { $_ && !ref $_->[0] && $_->[0] =~ /_by_lua_block\z/ } map { $words[$_] } -3, -2)
                && /\G((?:[^{}]|(\{(?:[^{}]|(?2))*\}))*)/gc)
            {
                $line += $1 =~ tr/\n//;
            }

        } elsif (/\G(["'])((?:\\.|(?!\1)[^\\])*)\1/gcs
                 || /\G()(?!["'])((?:\\.|\$\{|[^\s;{\\])+)/gcs)
        {
            push @words, [ unescaped($2), $line ];
            $line += $2 =~ tr/\n//;

        } else {
            die "$file:$line: not understood\n";
        }
    }

    return @words;
}

sub unescaped {
    my ($text) = @_;
    my %char = (t => "\t", r => "\r", n => "\n");
    $text =~ s/\\(["'\\trn])/$char{$1} \/\/ $1/ge;
    return $text;
}

# What a block holds: directives of name, args, at (file and line) and, if it is
# a block itself, has.
sub block {
    my ($file, $words) = @_;
    my (@has, @args, $line);

    while (my $word = shift @$words) {
        my ($text, $n) = @$word;

        if (!ref $text) {
            $line = $n unless @args;
            push @args, $text;
            next;
        }

        last if $$text eq '}';

        my $name = shift @args // '';
        my $d = { name => $name, args => [@args], at => "$file:" . ($line // $n) };
        @args = ();

        if ($$text eq '{')           { $d->{has} = block($file, $words) }
        elsif ($name eq 'include')   { push @has, included($d->{args}[0]); next }

        push @has, $d;
    }

    return \@has;
}

sub included {
    my $pattern = join '|', map { glob_regex($_) } full($_[0]);
    return map { @{ block($_, [ words($_) ]) } } grep { /^(?:$pattern)\z/ } sort keys %text;
}

sub glob_regex {
    my ($glob) = @_;
    my $regex = '';

    while ($glob =~ /\G(?:(\*)|(\?)|\[([!^]?)([^\]]+)\]|(.))/gs) {
        $regex .= $1 ? '(?:(?<=/)(?!\.))?[^/]*' : $2 ? '[^/]'
                : defined $4 ? '[' . ($3 ? '^' : '') . quotemeta($4) =~ s/\\-/-/gr . ']'
                : quotemeta $5;
    }
    return $regex;
}

sub full { my ($path) = @_; return $path =~ m{^/} ? $path : $conf_prefix . $path }


# -- the levels: each server and location, with what it says and what it inherits

my @SAY = map { "vcita_oauth$_" } '', map { "_$_" } qw(
    client_id client_secret client_assertion_key redirect_uri token_endpoint
    userinfo_endpoint revoke_endpoint jwks_endpoint authorize_endpoint ssl_trusted_certificate ssl_verify
    http_proxy session_key_file session_store session_timeout cookie_name
    cookie_domain require connect_timeout );

my (@servers, @levels, %said);

# a directive's arguments, repeated ones one after the other: [ [args], ... ]
sub own {
    my ($has) = @_;
    my %own;
    push @{ $own{ $_->{name} } }, $_ for grep { $_->{name} =~ /^vcita_oauth/ } @$has;
    return \%own;
}

sub named { my ($has, $name) = @_; return grep { $_->{name} eq $name } @$has }

sub level {
    my ($server, $d, $up) = @_;
    my $own = own($d->{has});
    my $level = { server => $server, d => $d, own => $own, up => $up,
                  say => { %{ $up->{say} }, %$own } };

    push @levels, $level;
    level($server, $_, $level) for named($d->{has}, 'location');
}

sub value {
    my ($level, $name, $default) = @_;
    my $say = $level->{say}{"vcita_oauth_$name"} or return $default;
    return $say->[0]{args}[0];
}

sub gate { my ($l) = @_; my $g = $l->{say}{vcita_oauth}; return $g ? $g->[0]{args}[0] : 'off' }

# of two applications in one nginx.conf, this differs
sub application {
    my ($level) = @_;
    return join "\0", map { my $s = $level->{say}{$_}; $s ? map { @{ $_->{args} } } @$s : '-' }
                      grep { !/^vcita_oauth(?:_require|_authorize_endpoint)?$/ } @SAY;
}

my $tree = block($main, [ words($main) ]);
my @http = named($tree, 'http');

for my $http (@http) {
    for my $d (named($http->{has}, 'server')) {
        my $server = { d => $d, at => $d->{at} };

        push @servers, $server;
        $server->{names} = [ map { lc } map { @{ $_->{args} } } named($d->{has}, 'server_name') ];
        $server->{sockets} = [ map { sockets($d, @{ $_->{args} }) } named($d->{has}, 'listen') ];
        $server->{sockets} = [ sockets($d, $> ? 8000 : 80) ] unless @{ $server->{sockets} };

        level($server, $d, { d => $http, say => own($http->{has}) });
    }
}

my @gated = grep { gate($_) ne 'off' } @levels;

if (@gated) {
    found('ok', scalar(@gated) . ' of ' . @levels . ' servers and locations have a gate');
} else {
    found('wrong', 'no gate: "vcita_oauth" is nowhere on',
         'say "vcita_oauth on;" in the location that needs a login');
}

# a server that says redirect_uri itself answers the callback, too
my @callbacks = grep { gate($_) ne 'off'
                       || $_->{d} == $_->{server}{d} && $_->{own}{vcita_oauth_redirect_uri} } @levels;

secrets($_) for @callbacks;
endpoints($_) for @gated;
landing($_) for @callbacks;
returns($_) for @gated;
rules();
cookies();
examples($_) for @gated;
claims(\@http, @gated);
site($behind, \@servers, @levels);


# -- records

sub found {
    my $record = join "\x1f", @_;
    $record =~ s/[^\x1f -~]/?/g;
    print "$record\n" unless $said{$record}++;
}

sub where { my ($level) = @_; my $d = $level->{d}; return "$d->{name}" . (@{ $d->{args} } ? " @{ $d->{args} }" : '') . " at $d->{at}" }


# -- secrets and keys

sub secrets {
    my ($level) = @_;
    my $say = $level->{say};

    for my $d (map { @{ $say->{"vcita_oauth_$_"} // [] } } qw( client_secret http_proxy )) {
        my $what = $d->{name} eq 'vcita_oauth_http_proxy' ? 'proxy' : 'client secret';
        my $value = $d->{args}[0];

        next if $what eq 'proxy' && $value !~ /^file:|@/;

        if ($value =~ /^file:(.*)/s) {
            my $file = full($1);
            my $text = secret_file($what, $file) // next;
            $text =~ s/\r?\n\z//;
            strength($what, $file, $text, 16) if $what eq 'client secret';

        } else {
            my ($file) = $d->{at} =~ /^(.*):/;
            readers($what, $file, 'move it to a file of its own: '
                    . "$d->{name} file:/etc/nginx/vcita/...");
            strength($what, $d->{at}, $value, 16) if $what eq 'client secret';
        }
    }

    for my $d (@{ $say->{vcita_oauth_session_key_file} // [] }) {
        my $text = secret_file('session key', full($d->{args}[0])) // next;
        strength('session key', full($d->{args}[0]), $text, 32);
    }

    for my $d (@{ $say->{vcita_oauth_client_assertion_key} // [] }) {
        my $file = full($d->{args}[0]);
        found('key', $file) if defined secret_file('assertion key', $file);
    }

    for my $d (@{ $say->{vcita_oauth_session_store} // [] }) {
        secret_file('Redis password', full($_)) for "@{ $d->{args} }" =~ /\b(?:sentinel_)?password=file:(\S+)/g;
    }
}

sub secret_file {
    my ($what, $file) = @_;

    open my $in, '<:raw', $file or do {
        found('wrong', "the $what $file cannot be read: $!", "run this as root, as nginx's master is");
        return undef;
    };
    readers($what, $file, "chmod 600 $file");
    return do { local $/; <$in> };
}

# only root or the user that runs nginx may read or replace it
sub readers {
    my ($what, $file, $fix) = @_;
    my ($mode, $owner, $group) = (stat $file)[2, 4, 5] or return;
    my $user = getpwuid($owner) // $owner;

    # a container has no other users, and its files the owner that they have outside
    if ($container && !($mode & 022)) {
        found('ok', "the $what in $file cannot be changed in this container");
    } elsif ($owner != 0 && $owner != $> && !$container) {
        found('wrong', "the $what in $file belongs to $user, who can read and replace it",
             "chown root $file");
    } elsif (($mode & 077) == 040 && $> && grep { $_ == $group } split / /, $)) {
        found('ok', "the $what in $file is read by $user and the group of nginx");
    } elsif (($mode & 077) == 040 && $group == workers_group()) {
        found('warn', sprintf("the %s in %s can be read by the group of nginx's workers (mode %04o)", $what, $file, $mode & 07777),
             "chmod 400 $file, or say --container if this is one");
    } elsif ($mode & 077) {
        found('wrong', sprintf("the %s in %s can be read or changed by others (mode %04o)",
                              $what, $file, $mode & 07777), $fix);
    } else {
        found('ok', "the $what in $file is read by $user alone");
    }
}

# of the directive "user"; -1: there is none
sub workers_group {
    my ($d) = named($tree, 'user') or return -1;
    return getgrnam($d->{args}[1] // $d->{args}[0]) // -1;
}

sub strength {
    my ($what, $from, $text, $least) = @_;
    my $why = weakness($text, $least);

    return found('ok', "the $what of $from cannot be guessed") unless $why;

    found('wrong', "the $what of $from $why",
         $what eq 'session key' ? "openssl rand -out $from 48, and reload"
                                : 'put the secret there that vcita showed when the app was made');
}

sub weakness {
    my ($text, $least) = @_;
    my %different = map { $_ => 1 } split //, $text;

    return 'has only ' . length($text) . " bytes, and $least are the least" if length $text < $least;
    return 'is always the same few bytes' if keys %different < 8;
    return 'repeats itself' if $text =~ /^(.{1,24}?)\1+(.{0,23})\n?\z/s && index($1, $2) == 0;

    return '' if $text =~ /[^\t\n\r -~]/;
    return 'is a placeholder or a word' if $text =~ /change.?me|pass.?word|secret|example|place.?holder
        |insert|paste|your[-_ ]|dummy|letmein|qwerty|vcita|nginx|1234567|abcdefg|<|>/xi;
    return 'is words, not random bytes' if $text !~ /[0-9]/ && $text =~ /[a-z]{4}/;
    return '';
}


# -- endpoints

sub endpoints {
    my ($level) = @_;
    my $ca = value($level, 'ssl_trusted_certificate');
    my $proxy = value($level, 'http_proxy', '');
    my %default = (authorize => 'https://app.vcita.com/app/oauth/authorize',
                   token     => 'https://api.vcita.biz/oauth/token',
                   userinfo  => 'https://api.vcita.biz/oauth/userinfo');

    $default{jwks} = 'https://api.vcita.biz/v3/apps/.well-known/jwks.json' if value($level, 'bearer', 'off') ne 'off';

    if ($proxy =~ /^file:(.*)/s && open my $in, '<', full($1)) {
        $proxy = <$in> // '';
        $proxy =~ s/\s+\z//;
    }

    my @how = (defined $ca ? full($ca) : '', value($level, 'ssl_verify', 'on') eq 'off' ? 'off' : '', $proxy);
    my $client = client($level, map({ value($level, $_ . '_endpoint', $default{$_}) } qw( authorize token )), @how);

    for my $name (qw( authorize token userinfo revoke jwks )) {
        my $url = value($level, $name . '_endpoint', $default{$name} // 'off');
        next if $url eq 'off' || $name eq 'jwks' && !$default{jwks};

        if ($name eq 'authorize' && $url =~ /\$/) {
            found('warn', "authorize endpoint $url holds variables that only a request fills: not looked at",
                 'sign in once by hand at each of its hosts');
            next;
        }
        found('endpoint', $name, $url, @how) unless $client && $name =~ /^(?:authorize|token)\z/;

        if ($url =~ m{^http://}i && !loopback($url)) {
            found('wrong', "$name endpoint $url is not protected by TLS", 'write https');
        }
        if ($how[1] && !loopback($url)) {
            found('wrong', "the certificate of the $name endpoint $url is not verified: an attacker in between "
                 . ($name eq 'jwks' ? 'can sign tokens' : 'gets the secret'),
                 'take "vcita_oauth_ssl_verify off" away; a CA of your own is vcita_oauth_ssl_trusted_certificate');
        }
    }
}

sub loopback { return $_[0] =~ m{^https?://(?:localhost|127\.[0-9.]+|\[::1\])(?:[:/?]|\z)}i }


# -- where the callback lands

# redirect_uri, as a request to a name of its server has it; undef: that is not known
sub sample_uri {
    my ($level) = @_;
    my ($before, $authority, $path) = value($level, 'redirect_uri', '') =~ m{^(https?://)([^/?]*)(.*)}is or return undef;
    my ($sample) = map { s/^~.*//r =~ s/^\*/preflight/r =~ s/^\.//r =~ s/\*$/example/r }
                   grep { !/^(?:~.*|_|)\z/ } @{ $level->{server}{names} };

    if ($authority =~ /\$/) {
        return undef if !defined $sample;
        $authority =~ s/\$\{?(?:host|http_host|server_name)\b\}?/$sample/ or return undef;
    }
    return "$before$authority$path";
}

sub landing {
    my ($level) = @_;
    my $server = $level->{server};
    my $uri = value($level, 'redirect_uri') // return;
    my $sample = sample_uri($level)
        // return found('warn', "$uri holds variables that only a request fills: not looked at",
                        'sign in once by hand at each of its hosts');
    my ($scheme, $authority, $path) = $sample =~ m{^(https?)://([^/?]*)([^?]*)}i or return;

    my ($host, $port) = lc($authority) =~ /^(\[.*\]|[^:]*)(?::(\d+))?\z/ or return;
    my $url = lc($scheme) . "://$authority$path";
    my $tls = lc $scheme eq 'https';

    $port //= $tls ? 443 : 80;

    if (!$tls && !loopback($url)) {
        found('wrong', "redirect_uri $url: codes and cookies go over the network without TLS",
             'https, in nginx.conf and in the app at vcita');
    }

    my @sockets = grep { $_->{port} eq $port } @{ $server->{sockets} };
    @sockets = grep { $_->{port} eq $port } map { @{ $_->{sockets} } } @servers unless @sockets;
    @sockets = @{ $server->{sockets} } if $behind && !@sockets;

    if (!@sockets) {
        return found('wrong', "redirect_uri $url: no server listens at port $port",
            "add \"listen $port" . ($tls ? ' ssl' : '') . ";\" to the server at $server->{at}, correct the "
            . 'port of redirect_uri, or say --behind-proxy if something in front of nginx has that port');
    }

    my %done;
    reaches($level, $url, $host, $path || '/', $tls, $_) for grep { !$done{ $_->{socket} }++ } @sockets;
}

sub reaches {
    my ($level, $url, $host, $path, $tls, $socket) = @_;
    my $server = $level->{server};
    my $found = answers($host, $socket->{socket});
    my $ssl = listens($socket, 'ssl') ? 1 : 0;

    if (!$behind && $tls != $ssl) {
        return found('wrong', "redirect_uri $url: $socket->{socket} speaks " . ($tls ? 'http' : 'https'),
            $tls ? "say \"ssl\" at the \"listen\" of $found->{at}, or --behind-proxy if something in front "
                   . 'of nginx ends TLS'
                 : 'https in redirect_uri, here and in the app at vcita');
    }

    if (!grep { $_->{server} == $found && application($_) eq application($level) } @callbacks) {
        return found('wrong', "redirect_uri $url is answered by the server at $found->{at}, "
            . "not by the one of the gate at $server->{at}",
            "add \"$host\" to server_name there, or correct redirect_uri, here and in the app at vcita");
    }

    my $location = locate($found->{d}{has}, $path);
    my $before = before_us($found->{d}{has}, $path)
                 // ($location && before_us($location->{has}, $path));

    if ($before) {
        return found('wrong', "redirect_uri $url is answered by \"$before->{name}\" at $before->{at}, before the gate",
            "add \"location = $path {}\" to the server at $found->{at}, or move the $before->{name} into "
            . 'the location that it is for');
    }

    found('ok', "redirect_uri $url lands in the server at $found->{at}");
    found('callback', $url, $socket->{socket}, $ssl ? 'ssl' : '',
          listens($socket, 'proxy_protocol') ? 'proxy_protocol' : '');
}

# the sockets of a "listen"
sub sockets {
    my ($d, $where, @options) = @_;
    my %option = map { $_ => 1 } @options;

    return if $option{quic};

    my $ssl = $option{ssl} || grep { $_->{args}[0] eq 'on' } named($d->{has}, 'ssl');
    my %socket = (ssl => $ssl ? 1 : 0, proxy_protocol => $option{proxy_protocol},
                  default => $option{default_server});

    return { %socket, socket => $where, port => 0 } if $where =~ /^unix:/;

    my ($address, $first, $last) = $where =~ /^\d+(?:-\d+)?\z/ ? ('*', split /-/, $where)
                                 : $where =~ /^(\[.*?\]|[^:]+)(?::(\d+)(?:-(\d+))?)?\z/;
    $address = '*' if $address eq '0.0.0.0';
    $address = '127.0.0.1' if $address eq 'localhost';
    $first //= 80;

    return map { +{ %socket, socket => "$address:$_", port => $_ } } $first .. $last // $first;
}

# what one "listen" says of a socket holds for all of them
sub listens {
    my ($socket, $option) = @_;
    return grep { $_->{socket} eq $socket->{socket} && $_->{$option} } map { @{ $_->{sockets} } } @servers;
}

# the server that nginx takes for a host name
sub answers {
    my ($host, $socket) = @_;
    my @here = grep { grep { $_->{socket} eq $socket } @{ $_->{sockets} } } @servers;
    my (%best, $rank);

    for my $server (@here) {
        for my $name (@{ $server->{names} }) {
            my $score = $name eq $host                                              ? 4_000
                      : $name =~ /^\.(.*)/ && $host eq $1                           ? 4_000
                      : $name =~ /^\*?(\..*)/ && substr($host, -length $1) eq $1    ? 2_000 + length $name
                      : $name =~ /^(.*\.)\*\z/ && index($host, $1) == 0             ? 1_000 + length $name
                      : $name =~ /^~(.*)/s && matches($host, $1, '')                ? 500 : 0;
            $best{$score} //= $server if $score;
        }
    }
    ($rank) = sort { $b <=> $a } keys %best;
    return $best{$rank} if defined $rank;

    my ($default) = grep { grep { $_->{socket} eq $socket && $_->{default} } @{ $_->{sockets} } } @here;
    return $default // $here[0];
}

sub matches {
    my ($text, $regex, $flags) = @_;
    return eval { $text =~ /(?$flags:$regex)/ };
}

# the location that nginx takes for a path
sub locate {
    my ($has, $path) = @_;
    my ($longest, @regex);

    for my $l (named($has, 'location')) {
        my ($how, $what) = @{ $l->{args} } > 1 ? @{ $l->{args} }
                         : $l->{args}[0] =~ /^(=|\^~|~\*?)(.+)/s ? ($1, $2) : ('', $l->{args}[0]);

        if    ($how =~ /^~/)                                { push @regex, [ $l, $how, $what ] }
        elsif ($how eq '=')                                 { return $l if $what eq $path }
        elsif ($what !~ /^@/ && index($path, $what) == 0) {
            $longest = { l => $l, how => $how, what => $what }
                if !$longest || length $what > length $longest->{what};
        }
    }

    my $inner = $longest && locate($longest->{l}{has}, $path);

    return $inner if $inner && ($inner->{args}[0] // '') =~ /^(?:=|~)/;

    if (!$longest || $longest->{how} ne '^~') {
        for my $r (@regex) {
            my ($l, $how, $what) = @$r;
            return locate($l->{has}, $path) // $l if matches($path, $what, $how eq '~*' ? 'i' : '');
        }
    }
    return $inner // ($longest && $longest->{l});
}

# a "return", or a "rewrite" that redirects: of any request, or of this path
sub before_us {
    my ($has, $path) = @_;

    for my $d (@$has) {
        return $d if $d->{name} eq 'return';
        next unless $d->{name} eq 'rewrite';

        my ($regex, $to, $flag) = @{ $d->{args} };
        next unless ($flag // '') =~ /^(?:redirect|permanent)\z/ || $to =~ m{^(?:https?://|\$scheme)};
        return $d if defined $path ? matches($path, $regex, '') : $regex =~ m{^\^?/?(?:\(?\.\*\)?\$?)?\z};
    }
    return undef;
}


# -- gates that are none, and those that let everybody in

sub returns {
    my ($level) = @_;
    my $whole = before_us($level->{server}{d}{has});
    my $before = $whole // before_us($level->{d}{has}) // return;
    my $what = where($level) . ": \"$before->{name}\" answers before the gate, without a sign-in";

    # an inherited gate may well have a location that refuses, or sends elsewhere
    return if !$whole && !$level->{own}{vcita_oauth}
              && ("@{ $before->{args} }" !~ /^2\d\d\b/ || ($level->{d}{args}[0] // '') =~ /^@/
                  || named($level->{d}{has}, 'internal'));

    if ($whole || $level->{own}{vcita_oauth}) {
        found('wrong', $what, "serve it by root, alias or proxy_pass instead of \"$before->{name}\" at $before->{at}");
    } else {
        found('warn', $what, 'say "vcita_oauth off;" there, if everybody may have this answer');
    }
}

sub rules {
    my %open;

    for my $level (grep { gate($_) eq 'on' } @gated) {
        $open{ $level->{server}{at} }{ where($level) } = 1 unless $level->{say}{vcita_oauth_require};
    }

    for my $server (sort keys %open) {
        my @where = sort keys %{ $open{$server} };
        my $more = @where > 1 ? ' and ' . (@where - 1) . ' more of its server' : '';
        found('warn', "$where[0]$more: without vcita_oauth_require any user of any vcita business may come in",
             'say whom you expect: vcita_oauth_require $vcita_oauth_claim_business_uid ...;');
    }
    found('ok', 'each gate has a vcita_oauth_require') if @gated && !%open;
}


# -- cookies that two gates take for theirs

sub cookies {
    my (%gates, @gates, $clash);

    for my $level (@gated) {
        $gates{ $level->{server}{at} . application($level) } ||= do { push @gates, $level; 1 };
    }

    for my $i (0 .. $#gates) {
        for my $j ($i + 1 .. $#gates) {
            my ($one, $two) = @gates[ $i, $j ];
            my $host = shared_host($one, $two) // next;

            next if cookie($one) ne cookie($two);

            my $differ = (value($one, 'client_id') // '') ne (value($two, 'client_id') // '') ? 'client ids'
                       : !same_keys($one, $two) ? 'session keys' : next;

            $clash = 1;
            found('wrong', 'the gates of the servers at ' . "$one->{server}{at} and $two->{server}{at} have one cookie, "
                 . cookie($one) . ", at $host, and different $differ: a login at one ends the session at the other",
                 "give one of them another vcita_oauth_cookie_name, or both the same "
                 . ($differ eq 'client ids' ? 'vcita_oauth_client_id' : 'vcita_oauth_session_key_file'));
        }
    }
    found('ok', 'no two gates have one cookie') if @gates > 1 && !$clash;
}

sub cookie {
    my ($level) = @_;
    my $https = (value($level, 'redirect_uri') // '') =~ /^https:/i;
    return ($https ? value($level, 'cookie_domain') ? '__Secure-' : '__Host-' : '')
           . value($level, 'cookie_name', 'vcita_session');
}

# a host to which a browser sends the cookies of both; a port makes no difference
sub shared_host {
    my ($one, $two) = @_;
    my @hosts = map { [ hosts($_) ] } $one, $two;

    for my $host (map { @$_ } @hosts) {
        return $host if 2 == grep { sent_to($_->[0], $_->[1], $host) } [ $one, $hosts[0] ], [ $two, $hosts[1] ];
    }
    return undef;
}

sub hosts {
    my ($level) = @_;
    my @names = grep { !/^(?:~.*|_|)\z/ } @{ $level->{server}{names} };
    my ($host) = (value($level, 'redirect_uri') // '') =~ m{^https?://(\[.*?\]|[^:/\$]+)}i;
    return @names ? @names : defined $host ? lc $host : ();
}

sub sent_to {
    my ($level, $hosts, $host) = @_;
    my $domain = lc(value($level, 'cookie_domain') // '') =~ s/^\.//r;
    return (grep { $_ eq $host } @$hosts) || $domain ne '' && ".$host" =~ /\Q.$domain\E\z/;
}

sub same_keys {
    my ($one, $two) = map { [ map { full($_) } keys_of($_) ] } @_;
    return (grep { $_ eq $one->[0] } @$two) && (grep { $_ eq $two->[0] } @$one);
}

sub keys_of {
    my ($level) = @_;

    for my $name (qw( session_key_file client_secret client_assertion_key )) {
        my $say = $level->{say}{"vcita_oauth_$name"} or next;
        return map { $_->{args}[0] } @$say;
    }
    return '';
}
