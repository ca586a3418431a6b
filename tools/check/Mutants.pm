# Mutants - the mutants of t/mutants/*.txt: read, put into a tree.  A mutant finds
# its place by function and expression, so that it survives changes around it.
#
#     === name
#     row: short name of a row of t/contract.rows that the mutant breaks
#     promise: short name of a row of t/security.rows
#     test: t/gate.t: words of the title of the block that has to fail
#     in: src/http/ngx_http_vcita_access.c: ngx_http_vcita_access_handler
#     - the expression as the function has it, white space aside
#     + what is there instead; without "+" lines: nothing
#
# row, promise and test may repeat; test without words is the whole file.  `in`
# without a function is the whole file; a function is one of C, of a shell or of
# perl, or a C macro.  After an "in", "-" and "+" lines may repeat: a second
# change of the same function.  Lines that begin with "#" are comments.

package Mutants;

use strict;
use warnings;

use Check 'slurp';
use Exporter 'import';

our @EXPORT = qw( mutants mutate );


# All of them, in the order of the files that they change:
# { name, at, row => [], promise => [], test => [], change => [ { file, function,
# from, to } ] }.  Dies at a line that is none of the format.
sub mutants {
    my ($folder) = @_;
    my (@found, %at);

    for my $path (sort glob "$folder/*.txt") {
        my ($mutant, $in, $last, $n) = (undef, undef, '', 0);

        for my $line (split /\n/, slurp($path)) {
            my $here = "$path:" . ++$n;

            next if $line =~ /^(?:#|\s*$)/;

            if ($line =~ /^=== ([\w-]+)$/) {
                die "$here: $1 is at $at{$1}, too\n" if $at{$1};
                $mutant = { name => $1, at => $here, row => [], promise => [],
                            test => [], change => [] };
                push @found, $mutant;
                ($at{$1}, $in, $last) = ($here, undef, '');

            } elsif ($mutant && $line =~ /^(row|promise|test): +(\S.*?) *$/) {
                push @{ $mutant->{$1} }, $2;

            } elsif ($mutant && $line =~ /^in: +(\S+?)(?:: *(\w+))?$/) {
                ($in, $last) = ({ file => $1, function => $2 // '' }, '');

            } elsif ($in && $line =~ /^([-+])(?: (.*))?$/) {
                my ($sign, $text) = ($1, $2 // '');

                push @{ $mutant->{change} }, { %$in, from => '', to => '' }
                    if $sign eq '-' && $last ne '-';
                die "$here: no \"-\" line before it\n" if !$last && $sign eq '+';

                $mutant->{change}[-1]{ $sign eq '-' ? 'from' : 'to' } .= "$text\n";
                $last = $sign;

            } else {
                die "$here: not a line of a mutant: $line\n";
            }
        }
    }

    for my $mutant (@found) {
        die "$mutant->{at}: $mutant->{name} changes nothing\n"
            if !@{ $mutant->{change} };
        die "$mutant->{at}: $mutant->{name} has no test\n"
            if !@{ $mutant->{test} };
    }

    return sort { $a->{change}[0]{file} cmp $b->{change}[0]{file}
                  || $a->{name} cmp $b->{name} } @found;
}


# The files of a tree as a mutant has them: { path => text }.  Dies where a
# function or an expression is not there exactly once.
sub mutate {
    my ($mutant, $tree) = @_;
    my %text;

    for my $change (@{ $mutant->{change} }) {
        my ($file, $function) = @$change{qw( file function )};

        missing($mutant, $change, 'file not found') if !-f "$tree/$file";

        my $text = \($text{$file} //= slurp("$tree/$file"));
        my ($from, $to) = place($mutant, $change, $$text);

        substr($$text, $from, $to - $from) = $change->{to} =~ s/\n\z//r;
    }

    return \%text;
}


# where an expression begins and ends
sub place {
    my ($mutant, $change, $text) = @_;
    my ($file, $function) = @$change{qw( file function )};
    my @body = $function eq '' ? [ 0, length $text ] : bodies($function, $text);
    my $expression = pattern($change->{from});
    my @found;

    missing($mutant, $change, 'function ' . how_often(@body)) if @body != 1;

    my ($begin, $end) = @{ $body[0] };
    my $body = substr $text, $begin, $end - $begin;

    push @found, [ $begin + $-[0], $begin + $+[0] ] while $body =~ /$expression/g;

    missing($mutant, $change, 'expression ' . how_often(@found)) if @found != 1;

    return @{ $found[0] };
}


# begin and end of each definition of a function or a macro
sub bodies {
    my ($name, $text) = @_;
    my @found;

    for my $definition (qr/^$name\([^;{}]*\)\s*\n\{.*?^\}/ms,         # C
                        qr/^\#define\s+$name\b(?:[^\n]*\\\n)*[^\n]*/m,
                        qr/^$name\(\)\s*[{(].*?(?:^[})]|[})]$)/ms,    # shell
                        qr/^sub $name\b.*?(?:^\}|\}$)/ms)
    {
        push @found, [ $-[0], $+[0] ] while $text =~ /$definition/g;
    }

    return @found;
}


# an expression, whatever white space is between its tokens
sub pattern {
    my ($expression) = @_;
    my @token = $expression =~ /(\w+|[^\w\s])/g;
    my $pattern = '';

    for my $i (0 .. $#token) {
        my $both = $i && $token[$i - 1] =~ /\w/ && $token[$i] =~ /\w/;

        $pattern .= ($both ? '\s+' : '\s*') if $i;
        $pattern .= quotemeta $token[$i];
    }

    $pattern = "(?<!\\w)$pattern" if $token[0] =~ /\w/;
    $pattern .= '(?!\w)' if $token[-1] =~ /\w/;

    return qr/$pattern/;
}


sub how_often { return @_ ? 'found ' . @_ . ' times' : 'not found' }


sub missing {
    my ($mutant, $change, $what) = @_;
    my $expression = $change->{from} =~ s/\s+/ /gr =~ s/ \z//r;

    die "$mutant->{name} ($mutant->{at}): $what: "
        . ($change->{function} ? "$change->{function}() of " : '')
        . "$change->{file}: $expression\n";
}


1;
