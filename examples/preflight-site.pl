# preflight-site.pl: a part of preflight-conf.pl: what else of nginx a gate gets in
# the way of: error pages, auth_request, health checks, ACME challenges.

use strict;
use warnings;

# a gate's own refusals
my %REFUSAL = map { $_ => 1 } 400, 401, 403, 405, 502, 503, 504;

my @HEALTH = qw( /healthz /health /livez /readyz /live /ready /ping /up /status /_health /healthcheck /health-check );
my $ACME   = '/.well-known/acme-challenge/preflight';

my %level;                                       # by its block


sub site {
    my ($behind, $servers, @levels) = @_;

    %level = map { $_->{d} => $_ } @levels;

    error_pages($_) for grep { gate($_) eq 'on' } @levels;
    auth_requests($_) for @levels;
    health($_, $servers) for @$servers;
    acme($_, $servers) for $behind ? () : @$servers;
}

# the level that a path lands in, and what answers it before a gate
sub lands {
    my ($server, $path) = @_;
    my $d = locate($server->{d}{has}, $path) // $server->{d};

    return ($level{$d}, before_us($server->{d}{has}, $path) // before_us($d->{has}, $path));
}

# a directive is inherited where a level has none of its own
sub in_force {
    my ($level, $name) = @_;

    for (my $l = $level; $l; $l = $l->{up}) {
        my @own = named($l->{d}{has}, $name);
        return @own if @own;
    }
    return ();
}

# where to say it: in the location, or in a new one for the path
sub off {
    my ($level, $path) = @_;
    my $d = $level->{d};

    return 'say "vcita_oauth off;" in ' . where($level)
        if $d->{name} eq 'location' && grep { $_ eq $path || $_ eq "=$path" } @{ $d->{args} };
    return "add \"location = $path { vcita_oauth off; }\" to the server at $level->{server}{at}";
}


sub error_pages {
    my ($level) = @_;
    my $has = $level->{server}{d}{has};

    for my $d (in_force($level, 'error_page')) {
        my @codes = @{ $d->{args} };
        my $uri = pop(@codes) =~ s/\?.*//sr;
        my ($target, $before) = $uri =~ m{^/[^\$]*\z} ? lands($level->{server}, $uri)
            : map { $level{$_} } grep { $_->{args}[0] eq $uri } $uri =~ /^@/ ? named($has, 'location') : ();

        next if !(grep { $REFUSAL{$_} } @codes) || !$target || $before || gate($target) ne 'on';

        found('warn', "error_page at $d->{at}: $uri is behind the gate, so users who are not signed in get the module's own page",
             off($target, $uri));
    }
}


sub auth_requests {
    my ($level) = @_;
    my ($d) = in_force($level, 'auth_request') or return;
    my $uri = $d->{args}[0];
    my ($target, $before) = $uri =~ m{^/[^\$]*\z} ? lands($level->{server}, $uri =~ s/\?.*//sr) : return;
    my ($satisfy) = in_force($level, 'satisfy');

    return if $before || $target == $level || gate($target) ne 'on' || $satisfy && $satisfy->{args}[0] eq 'any';

    # a gated target of a location without a gate may well be meant so
    return if gate($level) eq 'off' && $target->{own}{vcita_oauth};

    found('warn', "auth_request $uri at $d->{at}: its location has a gate, so "
        . (gate($level) eq 'off' ? 'requests without a session get 401' : 'users who are not signed in get 401 and no sign-in'),
        $target->{own}{vcita_oauth} ? 'take this auth_request away: the gate of the location itself asks for a sign-in'
                                    : off($target, $uri));
}


# a program cannot sign in: is there a place where it need not?
sub health {
    my ($server, $servers) = @_;

    return if !$level{ $server->{d} } || gate($level{ $server->{d} }) ne 'on' || before_us($server->{d}{has});

    my %here = map { $_->{socket} => 1 } @{ $server->{sockets} };

    for my $other (grep { grep { $here{ $_->{socket} } } @{ $_->{sockets} } } @$servers) {
        for my $path (@HEALTH) {
            my ($level, $before) = lands($other, $path);
            return if $before || gate($level) ne 'on';
        }
    }

    found('warn', "the gate of the server at $server->{at} covers all paths: a health check such as /healthz is not let through",
         'add "location = /healthz { vcita_oauth off; return 200; }", and let the check ask that');
}


# HTTP-01 comes to port 80, and follows redirects
sub acme {
    my ($server, $servers) = @_;
    my @names = hosts({ server => $server, say => {} });
    my @certificates = map { @{ $_->{args} } } in_force($level{ $server->{d} }, 'ssl_certificate');
    my ($level, $before) = lands($server, $ACME);

    return if $before || gate($level) ne 'on' || !grep { $_->{port} eq 80 || listens($_, 'ssl') } @{ $server->{sockets} };
    return if gate($level{ $server->{d} }) ne 'on' && "@{ $level->{d}{args} }" !~ /well-known/
              && !grep { /letsencrypt|acme|certbot|dehydrated|lego/i } @certificates;

    for my $socket (grep { $_->{port} eq 80 } map { @{ $_->{sockets} } } @$servers) {
        my $plain = answers($names[0] // '', $socket->{socket});
        my ($there, $answers) = lands($plain, $ACME);
        return if !$answers && gate($there) ne 'on';
    }

    found('warn', "the gate of the server at $server->{at} covers /.well-known/acme-challenge/: a certificate that is renewed by it runs out",
         'add "location ^~ /.well-known/acme-challenge/ { vcita_oauth off; root ...; }", unless certificates come another way');
}

1;
