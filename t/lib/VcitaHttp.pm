# VcitaHttp - HTTP/1.1 as text: addresses, queries, reading requests and answers.
# Pure functions and two value classes; no sockets here.
package VcitaHttp;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw( url_split url_join query_pairs query_param query_string
                     escape unescape read_message );


# "https://h:1/p?q#f" -> { scheme, host, port, target, path, query, origin }; nothing if not http(s)
sub url_split {
    my ($url) = @_;
    $url =~ m{^(https?)://(\[[^\]]+\]|[^/?#:]*)(?::(\d+))?([^?#]*)(\?[^#]*)?}i or return;
    my ($scheme, $host, $port, $path, $query) = (lc $1, lc $2, $3, $4, $5);
    my $std = $scheme eq 'https' ? 443 : 80;
    $port //= $std;
    $path = "/$path" if $path !~ m{^/};
    my $authority = $port == $std ? $host : "$host:$port";
    return {
        scheme => $scheme, host => $host, port => $port, path => $path,
        query  => defined $query ? substr($query, 1) : undef,
        target => $path . ($query // ''), authority => $authority,
        origin => "$scheme://$authority",
    };
}


# a reference found at $base, made absolute (the ways that servers really use)
sub url_join {
    my ($base, $ref) = @_;
    return $ref if $ref =~ m{^[a-z][a-z0-9+.-]*:}i;
    my $b = url_split($base) or return $ref;
    return "$b->{scheme}:$ref" if $ref =~ m{^//};
    return $b->{origin} . $ref if $ref =~ m{^/};
    return $b->{origin} . $b->{path} . $ref if $ref =~ /^\?/;
    (my $dir = $b->{path}) =~ s{[^/]*$}{};
    return $b->{origin} . $dir . $ref;
}


sub escape {
    my ($s) = @_;
    utf8::encode($s) if utf8::is_utf8($s);
    $s =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge;
    return $s;
}


sub unescape {
    my ($s) = @_;
    $s =~ tr/+/ /;
    $s =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    return $s;
}


# "a=1&b=2" -> ( [a => 1], [b => 2] ), in order, repeated ones too
sub query_pairs {
    my ($q) = @_;
    return map {
        my ($k, $v) = split /=/, $_, 2;
        [ unescape($k // ''), unescape($v // '') ];
    } grep { length } split /&/, $q // '';
}


# the values of one parameter: all in list context, else the first
sub query_param {
    my ($q, $name) = @_;
    my @v = map { $_->[1] } grep { $_->[0] eq $name } query_pairs($q);
    return wantarray ? @v : $v[0];
}


# pairs (name, value, ...) or a hash, to a query string
sub query_string {
    my @p = ref $_[0] eq 'HASH' ? map { $_ => $_[0]{$_} } sort keys %{ $_[0] }
          : ref $_[0] eq 'ARRAY' ? @{ $_[0] } : @_;
    my @out;
    while (my ($k, $v) = splice @p, 0, 2) {
        push @out, escape($k) . '=' . escape($v) if defined $v;
    }
    return join '&', @out;
}


# Reads one message off the front of $$buf.  $kind is 'request' or 'answer'; $opt: eof => the peer
# has closed, head => the answer to a HEAD.  Returns undef (more bytes wanted), a text (broken), or a
# VcitaHttp::Message, whose bytes have then left $$buf.
sub read_message {
    my ($buf, $kind, %opt) = @_;

    my $end = index $$buf, "\r\n\r\n";
    return $opt{eof} ? length $$buf ? 'closed within the header' : 'closed without an answer' : undef
        if $end < 0;

    my ($first, @lines) = split /\r\n/, substr($$buf, 0, $end), -1;
    my @headers;
    for (@lines) {
        /^([^:\s]+):[ \t]*(.*?)[ \t]*$/s or return "bad header line: $_";
        push @headers, [ $1, $2 ];
    }
    my $m = bless { headers => \@headers, raw_head => substr($$buf, 0, $end + 4) },
        $kind eq 'request' ? 'VcitaHttp::Request' : 'VcitaHttp::Response';

    if ($kind eq 'request') {
        $first =~ m{^(\S+) (\S+) HTTP/(\d\.\d)$} or return "bad request line: $first";
        @$m{qw( method target version )} = ($1, $2, $3);
        @$m{qw( path query )} = split /\?/, $m->{target}, 2;

    } else {
        $first =~ m{^HTTP/(\d\.\d) (\d{3})(?: (.*))?$} or return "bad status line: $first";
        @$m{qw( version status reason )} = ($1, $2, $3 // '');
    }

    my $body = $end + 4;
    my $len  = $m->header('Content-Length');
    my $none = $kind eq 'answer' && ($opt{head} || $m->{status} =~ /^(?:1\d\d|204|304)$/);

    if ($none) {
        $m->{body} = '';

    } elsif (lc($m->header('Transfer-Encoding') // '') eq 'chunked') {
        my ($text, $next) = ('', $body);
        while (1) {
            my $nl = index $$buf, "\r\n", $next;
            return $opt{eof} ? 'closed within a chunk' : undef if $nl < 0;
            my ($hex) = substr($$buf, $next, $nl - $next) =~ /^([0-9a-fA-F]+)/
                or return 'bad chunk size';
            my $size = hex $hex;
            return $opt{eof} ? 'closed within a chunk' : undef
                if length($$buf) < $nl + 2 + $size + 2;
            $text .= substr $$buf, $nl + 2, $size;
            $next = $nl + 2 + $size + 2;
            last if $size == 0;
        }
        $m->{body} = $text;
        $body = $next;

    } elsif (defined $len) {
        return "bad Content-Length: $len" if $len !~ /^\d+$/;
        if (length($$buf) < $body + $len) {
            return $opt{eof} ? 'closed within the body' : undef;
        }
        $m->{body} = substr $$buf, $body, $len;
        $body += $len;

    } elsif ($kind eq 'request') {
        $m->{body} = '';

    } else {
        return undef unless $opt{eof};
        $m->{body} = substr $$buf, $body;
        $body = length $$buf;
    }

    substr($$buf, 0, $body) = '';
    return $m;
}


package VcitaHttp::Message;

use JSON::PP ();

sub headers { $_[0]{headers} }
sub body    { $_[0]{body} }
sub version { $_[0]{version} }


# the values of a header: all in list context, else the first
sub header {
    my ($self, $name) = @_;
    my @v = map { $_->[1] } grep { lc $_->[0] eq lc $name } @{ $self->{headers} };
    return wantarray ? @v : $v[0];
}


sub json {
    my ($self) = @_;
    my $v = eval { local $SIG{__DIE__}; JSON::PP->new->utf8->allow_nonref->decode($self->{body}) };
    die 'no JSON in the body: ' . substr($self->{body} // '', 0, 300) . "\n" if $@;
    return $v;
}


package VcitaHttp::Request;

our @ISA = 'VcitaHttp::Message';

sub method { $_[0]{method} }
sub target { $_[0]{target} }
sub path   { $_[0]{path} }
sub query  { $_[0]{query} }
sub time   { $_[0]{time} }
sub param  { VcitaHttp::query_param($_[0]{query}, $_[1]) }


# the body's fields, form or JSON alike, as a hash
sub fields {
    my ($self) = @_;
    return $self->json if ($self->header('Content-Type') // '') =~ m{^application/json}i;
    return { map { @$_ } VcitaHttp::query_pairs($self->{body}) };
}


package VcitaHttp::Response;

our @ISA = 'VcitaHttp::Message';

# status is 0 and error a text where no whole answer came
sub status   { $_[0]{status} }
sub reason   { $_[0]{reason} }
sub error    { $_[0]{error} }
sub location { scalar $_[0]->header('Location') }
sub method   { $_[0]{method} }
sub url      { $_[0]{url} }
sub seconds  { $_[0]{seconds} }
sub refused  { $_[0]{refused} || [] }

sub set_cookies { [ $_[0]->header('Set-Cookie') ] }


# a query parameter of the Location
sub param {
    my ($self, $name) = @_;
    my $to = $self->location // return;
    my ($q) = $to =~ /\?([^#]*)/;
    return VcitaHttp::query_param($q, $name);
}


1;
